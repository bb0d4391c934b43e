// RudderStack's Node SDK, unmodified: its host is changed, and it retries for as long as a collector takes to start.
// It measures its whole queue at every call, so the calls wait for each other in small portions.
const Analytics = require('@rudderstack/rudder-sdk-node')
const sendEveryCall = require('./every_call.cjs')
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

sendEveryCall(sent, Number(count), portion)
  .then(() => process.exit(0))
  .catch(() => process.exit(1))
