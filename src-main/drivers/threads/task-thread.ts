import vm from 'node:vm'
import type { MessagePort } from 'node:worker_threads'
import type { ThreadReply } from './thread-pool.ts'
import type { ThreadTask } from './worker-driver.ts'

type TaskFn = (input: unknown) => unknown

/** Serves one job after the other; a task is compiled or loaded when it is first asked for. */
export function serveTasks(port: MessagePort | null, tasks: unknown): void {
  if (!port) throw new Error('a task thread needs a port')
  const known = new Map<string, Promise<TaskFn>>()
  const specs = tasks as Readonly<Record<string, ThreadTask>>
  port.on('message', ({ task, input }: { task: string; input: unknown }) => {
    const fn = known.get(task) ?? load(task, specs[task])
    known.set(task, fn)
    void fn
      .then((run) => run(input))
      .then(
        (value) => reply(port, { value }),
        (error: unknown) => reply(port, { failure: wordsOf(error) }),
      )
  })
}

async function load(name: string, task: ThreadTask | undefined): Promise<TaskFn> {
  const fn =
    task && ('source' in task ? compile(name, task.source) : await fetchExport(task.module, task.export))
  if (typeof fn !== 'function') throw new TypeError(`task ${name} is no function`)
  return fn as TaskFn
}

function compile(name: string, source: string): unknown {
  return vm.runInThisContext(`(${source}\n)`, { filename: `task:${name}` })
}

async function fetchExport(address: string, name: string): Promise<unknown> {
  const loaded = (await import(/* @vite-ignore */ address)) as Record<string, unknown>
  return Object.hasOwn(loaded, name) ? loaded[name] : undefined
}

/** A result that can't be copied to the other side is the task's failure. */
function reply(port: MessagePort, answer: ThreadReply): void {
  try {
    port.postMessage(answer)
  } catch (error) {
    port.postMessage({ failure: wordsOf(error) } satisfies ThreadReply)
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
