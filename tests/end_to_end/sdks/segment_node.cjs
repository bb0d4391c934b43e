// Segment's Node SDK, unmodified: its host is changed, and it retries for as long as a collector takes to start.
const { Analytics } = require('@segment/analytics-node')
const sendEveryCall = require('./every_call.cjs')
const [host, writeKey, count] = process.argv.slice(2)
const analytics = new Analytics({ host, writeKey, maxRetries: 200, flushAt: 50, flushInterval: 100 })
const sent = (method, call) =>
  new Promise((done, fail) => analytics[method](call, (error) => (error ? fail(error) : done())))

sendEveryCall(sent, Number(count), 500)
  .then(() => analytics.closeAndFlush())
  .catch(() => process.exit(1))
