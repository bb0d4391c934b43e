// Segment's Node SDK, unmodified: only its host is changed.
const { Analytics } = require('@segment/analytics-node')
const [host, writeKey, count] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, maxRetries: 60, flushAt: 50 })

for (let number = 0; number < Number(count); number++)
  analytics.track({ userId: `user-${number}`, event: 'Tick', properties: { number } })
analytics.identify({ userId: 'ann', traits: { email: 'ann@example.com' } })
analytics.page({ userId: 'ann', name: 'Home' })
analytics.screen({ userId: 'ann', name: 'Home' })
analytics.group({ userId: 'ann', groupId: 'tea club' })
analytics.alias({ userId: 'ann', previousId: 'visitor' })
analytics.closeAndFlush()
