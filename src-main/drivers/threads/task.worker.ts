import { parentPort, workerData } from 'node:worker_threads'
import { serveTasks } from './task-thread.ts'

serveTasks(parentPort, workerData)
