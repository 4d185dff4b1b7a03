import { parentPort, workerData } from 'node:worker_threads'
import { serveVerify } from './verify-thread.ts'

serveVerify(parentPort, workerData)
