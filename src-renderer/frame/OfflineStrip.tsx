import { useConnection } from '../client/access.tsx'
import { formatClock } from '../format/duration.ts'
import { Button } from '../ui/Button.tsx'
import { Lamp } from '../ui/Lamp.tsx'

/** Says that the daemon is away, since when, and that what is shown is from then. */
export function OfflineStrip() {
  const connection = useConnection()
  if (connection.phase !== 'offline') return null
  return (
    <div className="offline" role="alert">
      <Lamp tone="danger" shape="square" />
      <span className="grow">
        The daemon does not answer since {formatClock(connection.sinceMs, true)}. What you see is from then;
        attempt {connection.attempt}.
      </span>
      <Button onPress={connection.retryNow}>Try now</Button>
    </div>
  )
}
