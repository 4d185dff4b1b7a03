import { expect, it } from 'vitest'
import { createByteRoom } from './byte-room.ts'

const never = new AbortController().signal
const [one, two, three] = [{}, {}, {}]

/** Tells who is in by now, in the order in which they came in. */
function entrance(size: Parameters<typeof createByteRoom>[0]) {
  const room = createByteRoom(size)
  const inside: string[] = []
  const leave = new Map<string, () => void>()
  return {
    come(name: string, owner: object, bytes: number, signal = never): Promise<void> {
      return room.take(owner, bytes, signal).then((out) => {
        inside.push(name)
        leave.set(name, out)
      })
    },
    async go(name: string): Promise<void> {
      leave.get(name)?.()
      leave.get(name)?.()
      await settled()
    },
    inside,
  }
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))

it('lets in what fits, the rest in the order in which it came', async () => {
  const { come, go, inside } = entrance({ allBytes: 10, ownerBytes: 10 })
  for (const [name, owner] of [
    ['a', one],
    ['b', two],
    ['c', three],
    ['d', one],
  ] as const)
    void come(name, owner, 4)
  await settled()
  expect(inside).toEqual(['a', 'b'])
  await go('b')
  expect(inside).toEqual(['a', 'b', 'c'])
  await go('b')
  expect(inside).toHaveLength(3)
  await go('a')
  expect(inside).toEqual(['a', 'b', 'c', 'd'])
})

it('lets others pass one who has used up its own share, and nobody a large one that waits for room', async () => {
  const { come, go, inside } = entrance({ allBytes: 20, ownerBytes: 8 })
  void come('a', one, 8)
  void come('b', one, 1)
  void come('c', two, 8)
  void come('d', three, 8)
  void come('e', {}, 2)
  await settled()
  expect(inside).toEqual(['a', 'c'])
  await go('a')
  expect(inside).toEqual(['a', 'c', 'b', 'd', 'e'])
})

it('lets in alone what is larger than the room', async () => {
  const { come, go, inside } = entrance({ allBytes: 10, ownerBytes: 5 })
  void come('a', one, 1)
  void come('b', two, 100)
  await settled()
  expect(inside).toEqual(['a'])
  await go('a')
  expect(inside).toEqual(['a', 'b'])
})

it('forgets who gives up, and lets in who waited behind', async () => {
  const { come, inside } = entrance({ allBytes: 10, ownerBytes: 10 })
  const abort = new AbortController()
  void come('a', one, 4)
  const large = come('b', two, 9, abort.signal)
  void come('c', three, 4)
  abort.abort(new Error('gone'))
  await expect(large).rejects.toThrow('gone')
  await settled()
  expect(inside).toEqual(['a', 'c'])
  await expect(come('d', one, 1, abort.signal)).rejects.toThrow('gone')
})
