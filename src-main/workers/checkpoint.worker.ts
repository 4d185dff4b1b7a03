import { parentPort, workerData } from 'node:worker_threads'
import { serveCheckpoints } from './checkpoint-thread.ts'

serveCheckpoints(parentPort, workerData)
