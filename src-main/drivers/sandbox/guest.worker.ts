import { parentPort } from 'node:worker_threads'
import { serveGuestProcess } from './guest-process.ts'
import { serveGuestThread } from './guest-thread.ts'

// One entry for both: as a thread it runs the guest, as a process it keeps a thread that does.
if (parentPort) serveGuestThread(parentPort)
else
  serveGuestProcess({
    stdin: process.stdin,
    stdout: process.stdout,
    memMb: Number(process.argv[2]),
    residentBytes: () => process.memoryUsage.rss(),
    exit: () => process.exit(),
  })
