// Segment's Node SDK, unmodified: its host is changed, and it retries for as long as a collector takes to start.
// It sends every full batch at once, so no more than `inFlight` calls wait at a time.
const { Analytics } = require('@segment/analytics-node')
const [host, writeKey, count] = process.argv.slice(2)
const inFlight = 500
const analytics = new Analytics({ host, writeKey, maxRetries: 200, flushAt: 50, flushInterval: 100 })
const sent = (method, call) =>
  new Promise((done, fail) => analytics[method](call, (error) => (error ? fail(error) : done())))

async function main() {
  let waiting = []
  for (let number = 0; number < Number(count); number++) {
    waiting.push(sent('track', { userId: `user-${number}`, event: 'Tick', properties: { number } }))
    if (waiting.length === inFlight) waiting = [await Promise.all(waiting)].slice(1)
  }
  await Promise.all([
    ...waiting,
    sent('identify', { userId: 'ann', traits: { email: 'ann@example.com' } }),
    sent('page', { userId: 'ann', name: 'Home' }),
    sent('screen', { userId: 'ann', name: 'Home' }),
    sent('group', { userId: 'ann', groupId: 'tea club' }),
    sent('alias', { userId: 'ann', previousId: 'visitor' }),
  ])
  await analytics.closeAndFlush()
}

main().catch(() => process.exit(1))
