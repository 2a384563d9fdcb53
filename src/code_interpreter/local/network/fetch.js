'use strict'
// Leads `fetch` through the proxy of HTTPS_PROXY, for Nodes that cannot by themselves (24 and newer
// can, told by NODE_USE_ENV_PROXY). Loaded into every Node of a box (NODE_OPTIONS), so it does nothing
// before the first `fetch`.
//
// What must stay true: a `fetch` that a program has put in the place of Node's is left alone, and so is
// a dispatcher of undici that it has set.

const DISPATCHER = Symbol.for('undici.globalDispatcher.1') // where Node's own undici looks for it
const DIRECT = new Set(['localhost', '127.0.0.1', '[::1]'])

function lead(proxy) {
  void globalThis.Headers // loads undici, which sets its dispatcher
  const direct = globalThis[DISPATCHER]
  const through = new direct.constructor({ connect: (options, done) => connect(proxy, options, done) })
  globalThis[DISPATCHER] = {
    dispatch(options, handler) {
      const way = DIRECT.has(new URL(options.origin).hostname) ? direct : through
      return way.dispatch(options, handler)
    },
  }
}

function connect(proxy, { hostname, port, protocol, servername }, done) {
  const secure = protocol === 'https:'
  const place = `${hostname}:${port || (secure ? 443 : 80)}`
  const request = require('node:http').request({
    agent: false,
    headers: { host: place },
    host: proxy.hostname,
    method: 'CONNECT',
    path: place,
    port: proxy.port,
  })
  request.once('error', done)
  request.once('connect', (answer, socket) => {
    if (answer.statusCode !== 200) {
      socket.destroy()
      done(new Error(`${answer.statusCode} ${answer.statusMessage}`))
    } else if (secure) {
      const options = { ALPNProtocols: ['http/1.1'], servername: servername || hostname, socket }
      const encrypted = require('node:tls').connect(options)
      encrypted.once('error', done)
      encrypted.once('secureConnect', () => {
        encrypted.off('error', done)
        done(null, encrypted)
      })
    } else {
      done(null, socket)
    }
  })
  request.end()
}

const { HTTPS_PROXY } = process.env
if (HTTPS_PROXY && typeof fetch === 'function' && parseInt(process.versions.node) < 24) {
  const original = fetch
  let led = false
  const property = Object.getOwnPropertyDescriptor(globalThis, 'fetch')
  Object.defineProperty(globalThis, 'fetch', {
    configurable: true,
    enumerable: property.enumerable,
    value: function fetch(input, init = undefined) {
      if (!led) {
        led = true
        lead(new URL(HTTPS_PROXY))
      }
      return original(input, init)
    },
    writable: true,
  })
}
