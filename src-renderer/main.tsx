import { createRoot } from 'react-dom/client'
import { connectToMain } from './client/connect.ts'
import { App } from './frame/App.tsx'

const place = document.getElementById('root')
if (place) createRoot(place).render(<App connection={connectToMain(window)} />)
