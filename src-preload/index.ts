import { ipcRenderer } from 'electron'

// All that the page gets from us is one end of one message port, and only when its own window asks for it. A sandboxed
// preload is the only place where a port can cross from Electron's channel to the page.
const ask = 'signalbox:ask-port'
const give = 'signalbox:port'

window.addEventListener('message', (event) => {
  if (event.source === window && event.origin === window.location.origin && event.data === ask) {
    ipcRenderer.send(ask)
  }
})

ipcRenderer.on(give, (event) => {
  window.postMessage(give, window.location.origin, [...event.ports])
})
