// What both Node SDKs are asked to send: `count` track calls, no more than `portion` of them waiting at a time, and
// one of every other call. `sent(method, call)` resolves when the SDK says that it was delivered.
module.exports = async function sendEveryCall(sent, count, portion) {
  let waiting = []
  for (let number = 0; number < count; number++) {
    waiting.push(sent('track', { userId: `user-${number}`, event: 'Tick', properties: { number } }))
    if (waiting.length === portion) waiting = [await Promise.all(waiting)].slice(1)
  }
  await Promise.all([
    ...waiting,
    sent('identify', { userId: 'ann', traits: { email: 'ann@example.com' } }),
    sent('page', { userId: 'ann', name: 'Home' }),
    sent('screen', { userId: 'ann', name: 'Home' }),
    sent('group', { userId: 'ann', groupId: 'tea club' }),
    sent('alias', { userId: 'ann', previousId: 'visitor' }),
  ])
}
