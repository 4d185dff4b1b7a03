import { createRoot } from 'react-dom/client'
import { connectToMain } from '../client/connect.ts'
import { App } from './App.tsx'

/** Puts the console, connected through `page`, in the place of what stands in `place`. */
export function mountConsole(place: HTMLElement, page: Window): void {
  createRoot(place).render(<App connection={connectToMain(page)} />)
}
