import { parentPort } from 'node:worker_threads'
import { serveRequests } from './request-thread.ts'

serveRequests(parentPort)
