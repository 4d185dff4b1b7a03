import { parentPort, workerData } from 'node:worker_threads'
import { serveWasm } from './wasm-thread.ts'

serveWasm(parentPort, workerData)
