import type { StorageItem } from '@contract/settings.ts'

export interface StorageGroup {
  readonly kind: StorageItem['kind']
  readonly name: string
  readonly items: readonly StorageItem[]
}

const names: Readonly<Record<StorageItem['kind'], string>> = {
  workarea: 'Workareas',
  clone: 'Clones',
  'scratch-home': 'Scratch homes',
  recording: 'Recordings',
  'result-ref': 'Kept results',
  orphan: 'Left behind',
  log: 'Logs',
  database: 'Journal',
  other: 'Other',
}

/** Items by kind, the biggest kind and within it the biggest item first. */
export function groupItems(items: readonly StorageItem[]): readonly StorageGroup[] {
  const kinds = new Map<StorageItem['kind'], StorageItem[]>()
  for (const item of items) kinds.set(item.kind, [...(kinds.get(item.kind) ?? []), item])
  return [...kinds]
    .map(([kind, inside]) => ({
      kind,
      name: names[kind],
      items: inside.sort((a, b) => b.sizeBytes - a.sizeBytes),
    }))
    .sort((a, b) => sumBytes(b.items) - sumBytes(a.items))
}

export function sumBytes(items: readonly StorageItem[]): number {
  return items.reduce((sum, item) => sum + item.sizeBytes, 0)
}
