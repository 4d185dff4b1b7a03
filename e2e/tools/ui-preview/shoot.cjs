// Opens the built preview and takes pictures: `electron --no-sandbox shoot.cjs <built index.html> <out folder> <jobs.json>`.
// A job: { "name", "scenario", "theme", "hash", "width", "height", "keys": ["Y"], "run": "script in the page", "axe": true }.
const { app, BrowserWindow } = require('electron')
const { mkdirSync, readFileSync, writeFileSync } = require('node:fs')
const { join } = require('node:path')

const [page, out, jobFile] = process.argv.slice(-3)
const pause = (ms) => new Promise((settle) => setTimeout(settle, ms))
app.disableHardwareAcceleration()

async function shoot(window, job) {
  const { name, scenario = 'fleet', theme = 'light', hash = '', width = 1440, height = 900 } = job
  window.setContentSize(width, height)
  window.webContents.setZoomFactor(job.zoom ?? 1)
  await window.loadURL('about:blank')
  await window.loadFile(page, { search: `scenario=${scenario}&theme=${theme}`, hash: hash.replace(/^#/, '') })
  await pause(job.waitMs ?? 900)
  for (const key of job.keys ?? []) {
    const [keyCode, ...modifiers] = key.split('+').reverse()
    for (const type of ['keyDown', 'char', 'keyUp'])
      window.webContents.sendInputEvent({ type, keyCode, modifiers })
    await pause(250)
  }
  if (job.run) console.log(name, 'run:', JSON.stringify(await window.webContents.executeJavaScript(job.run)))
  if (job.axe) await audit(window, name)
  const picture = await window.webContents.capturePage()
  writeFileSync(join(out, `${name}.png`), picture.toPNG())
}

async function audit(window, name) {
  await window.webContents.executeJavaScript(
    `${readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')};0`,
  )
  const found = await window.webContents.executeJavaScript(
    `axe.run().then(({ violations }) => violations.map((one) => ({ id: one.id, impact: one.impact, nodes: one.nodes.slice(0, 4).map((node) => node.html.slice(0, 160) + ' :: ' + node.any.map((each) => each.message).join('; ').slice(0, 200)) })))`,
  )
  console.log(name, 'axe:', found.length === 0 ? 'no violations' : JSON.stringify(found, null, 1))
}

app.whenReady().then(async () => {
  mkdirSync(out, { recursive: true })
  const window = new BrowserWindow({
    width: 1440,
    height: 900,
    useContentSize: true,
    show: true,
    frame: false,
    webPreferences: { offscreen: false },
  })
  window.webContents.on('console-message', (event) => {
    if (event.level === 'error' || event.level === 'warning')
      console.log('console', event.level, event.message.slice(0, 400))
  })
  for (const job of JSON.parse(readFileSync(jobFile, 'utf8'))) await shoot(window, job)
  app.exit(0)
})
