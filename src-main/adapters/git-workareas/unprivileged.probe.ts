import { createGitWorkareas } from './git-workareas.ts'
import { realClock, refusal } from './workareas.fixture.ts'

/** Run by a test as another user: asks for a workarea and prints the code of the refusal. */
const [path = '', stateDirectory = ''] = process.argv.slice(2)
const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
const environment = { PATH: process.env.PATH, HOME: process.env.HOME }
const workareas = createGitWorkareas({ stateDirectory, clock: realClock, log, environment })
const request = {
  workareaId: 'wka-0001',
  sessionId: 'ses-0001',
  repositoryPath: path,
  branchSlug: 'x',
  carryChanges: false,
}
const refused = await refusal(workareas.acquire(request, new AbortController().signal))
console.log(refused?.code ?? 'acquired')
await workareas.close()
