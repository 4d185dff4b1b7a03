import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from 'react'
import { bindingsFor, chordOf, type KeyBinding, printChord } from './keyboard-match.ts'

type Handler = () => void

interface Keyboard {
  readonly table: readonly KeyBinding[]
  readonly isMac: boolean
  readonly screen: string
  setScreen(scope: string): void
  add(action: string, handler: Handler): () => void
  /** Runs an action as if its key were pressed; false when nothing offers it now. */
  run(action: string): boolean
  offers(action: string): boolean
}

const KeyboardContext = createContext<Keyboard | null>(null)

/** Listens for keys once, for the whole page, and finds the action by the innermost scope that has one to offer. */
export function KeyboardProvider(props: { table: readonly KeyBinding[]; children: ReactNode }) {
  const { table } = props
  const handlers = useRef(new Map<string, Handler[]>())
  const [screen, setScreen] = useState('')
  const isMac = navigator.platform.startsWith('Mac')
  const keyboard = useMemo(
    () => makeKeyboard(table, handlers.current, { screen, setScreen, isMac }),
    [table, screen, isMac],
  )
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing) return
      const target = event.target instanceof Element ? event.target : document.body
      const chord = chordOf(event, isMac)
      document.documentElement.dataset.keys = ''
      if (isEditable(target) && !chord.startsWith('Mod+') && chord !== 'Escape') return
      const scopes = scopesAt(target, screen)
      for (const { action, isNative, repeats } of bindingsFor(table, scopes, chord)) {
        if (event.repeat && !repeats) return
        if (isNative || isOwnEnter(target, chord)) return
        if (!keyboard.run(action)) continue
        event.preventDefault()
        return
      }
    }
    const onPointer = () => delete document.documentElement.dataset.keys
    window.addEventListener('keydown', onKey)
    window.addEventListener('pointerdown', onPointer)
    return () => {
      window.removeEventListener('keydown', onKey)
      window.removeEventListener('pointerdown', onPointer)
    }
  }, [keyboard, table, screen, isMac])
  return <KeyboardContext value={keyboard}>{props.children}</KeyboardContext>
}

function makeKeyboard(
  table: readonly KeyBinding[],
  handlers: Map<string, Handler[]>,
  rest: Pick<Keyboard, 'screen' | 'setScreen' | 'isMac'>,
): Keyboard {
  return {
    table,
    ...rest,
    add(action, handler) {
      handlers.set(action, [...(handlers.get(action) ?? []), handler])
      return () =>
        handlers.set(
          action,
          (handlers.get(action) ?? []).filter((one) => one !== handler),
        )
    },
    run(action) {
      const handler = handlers.get(action)?.at(-1)
      handler?.()
      return handler !== undefined
    },
    offers: (action) => (handlers.get(action)?.length ?? 0) > 0,
  }
}

/** Scopes from the focused element outwards; a modal layer ends the search, so that nothing behind it is touched. */
function scopesAt(target: Element, screen: string): readonly string[] {
  const scopes: string[] = []
  for (let at: Element | null = target; at; at = at.parentElement) {
    const scope = at.getAttribute('data-key-scope')
    if (scope) scopes.push(scope)
    if (at.hasAttribute('data-key-modal')) return scopes
  }
  return [...scopes, screen, 'global']
}

function isEditable(target: Element): boolean {
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button'].includes(target.type)
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement
}

/** Enter and Space on a button or link press it. */
function isOwnEnter(target: Element, chord: string): boolean {
  return (
    (chord === 'Enter' || chord === 'Space') &&
    target.closest('button, a, summary, [role="option"], input') !== null
  )
}

function useKeyboard(): Keyboard {
  const keyboard = useContext(KeyboardContext)
  if (!keyboard) throw new Error('outside the keyboard provider')
  return keyboard
}

/** The table and what is on offer, for the palette, the foot and the list of keys. */
export function useKeyTable(): Keyboard {
  return useKeyboard()
}

/** Offers actions of the key table while the component is mounted; an undefined one is not offered now. */
export function useKeyActions(actions: Readonly<Record<string, Handler | undefined>>): void {
  const { add } = useKeyboard()
  const latest = useRef(actions)
  latest.current = actions
  const names = Object.keys(actions)
    .filter((name) => actions[name])
    .join(' ')
  useEffect(() => {
    const removers = names
      .split(' ')
      .filter((name) => name !== '')
      .map((name) => add(name, () => latest.current[name]?.()))
    return () => {
      for (const remove of removers) remove()
    }
  }, [add, names])
}

/** Makes `scope` the scope of the whole screen. */
export function useScreenScope(scope: string): void {
  const { setScreen } = useKeyboard()
  useEffect(() => setScreen(scope), [setScreen, scope])
}

/** One printed key. */
export function Kbd(props: { chord: string }) {
  const { isMac } = useKeyboard()
  return (
    <span className="kbd" aria-hidden="true">
      {printChord(props.chord, isMac)}
    </span>
  )
}

/** The key of an action; nothing when it has none. */
export function KeyOf(props: { action: string }) {
  const { table } = useKeyboard()
  const chord = table.find((one) => one.action === props.action)?.keys[0]
  return chord ? <Kbd chord={chord} /> : null
}
