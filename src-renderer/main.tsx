// The page brings its first frame along, drawn without any code. This is all that is loaded with it; what is long to
// compile and to run is only fetched meanwhile, so that it does not stand in the way of that frame.

/** Where nothing is painted, in a minimised window for one, the page's code does not wait for it longer than this. */
const patienceMs = 250

/** Resolves when the first frame has been handed over for painting. */
function firstFrame(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, patienceMs)
    requestAnimationFrame(() => setTimeout(resolve))
  })
}

async function start(place: HTMLElement): Promise<void> {
  await firstFrame()
  const { mountConsole } = await import('./frame/mount-console.tsx')
  mountConsole(place, window)
}

const place = document.getElementById('root')
if (place) void start(place)
