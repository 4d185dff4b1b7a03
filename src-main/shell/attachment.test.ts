import { expect, it } from 'vitest'
import { type AttachmentParts, watchDaemon } from './attachment.ts'

/** A daemon that can be taken away and put back; pauses last one turn of the loop. */
function createDaemon() {
  let isUp = true
  let end = () => {}
  const overview = async () => {
    if (!isUp) throw new Error('nobody answers')
    return { atSeq: 1 }
  }
  async function* facts(): AsyncGenerator<never> {
    await new Promise<void>((done) => {
      end = done
    })
  }
  const events: string[] = []
  const turn = () => new Promise<void>((done) => void setImmediate(done))
  return {
    events,
    turn,
    stop() {
      isUp = false
      end()
    },
    start() {
      isUp = true
    },
    parts: {
      client: { fleet: { overview, facts } } as never,
      onThere: () => void events.push('there'),
      onGone: () => void events.push('gone'),
      pause: turn,
    } satisfies AttachmentParts,
  }
}

async function turns(daemon: ReturnType<typeof createDaemon>): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await daemon.turn()
}

it('tells that the daemon is there, gone and there again, and holds up who asks in between', async () => {
  const daemon = createDaemon()
  const attachment = watchDaemon(daemon.parts)
  await attachment.ready()
  daemon.stop()
  await turns(daemon)
  expect(daemon.events).toEqual(['there', 'gone'])
  let isReady = false
  const ready = attachment.ready().then(() => {
    isReady = true
  })
  await turns(daemon)
  expect(isReady).toBe(false)
  daemon.start()
  await ready
  expect(daemon.events).toEqual(['there', 'gone', 'there'])
  attachment.close()
  daemon.stop()
  await turns(daemon)
  expect(daemon.events).toEqual(['there', 'gone', 'there'])
})

it('says nothing of a daemon that was never there', async () => {
  const daemon = createDaemon()
  daemon.stop()
  const attachment = watchDaemon(daemon.parts)
  await turns(daemon)
  expect(daemon.events).toEqual([])
  attachment.close()
})
