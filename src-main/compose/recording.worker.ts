import { parentPort, workerData } from 'node:worker_threads'
import { serveRecording } from './recording-thread.ts'

serveRecording(parentPort, workerData)
