// RudderStack's Node SDK, unmodified: only its host is changed. It measures its whole queue at every call, so the
// calls wait for each other in portions.
const Analytics = require('@rudderstack/rudder-sdk-node')
const [host, writeKey, count] = process.argv.slice(2)
const portion = 50
const analytics = new (Analytics.default || Analytics)(writeKey, {
  dataPlaneUrl: host,
  retryCount: 200,
  axiosRetryConfig: { retryDelay: () => 250 },
  flushAt: portion,
  flushInterval: 100,
})
const sent = (method, call) =>
  new Promise((done, fail) => analytics[method](call, (error) => (error ? fail(error) : done())))

async function main() {
  let waiting = []
  for (let number = 0; number < Number(count); number++) {
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
  process.exit(0)
}

main().catch(() => process.exit(1))
