import { Notification } from 'electron'

/** A sentence for a person who looks elsewhere; a click leads to `hash`, an address of the page. */
export interface Notice {
  readonly title: string
  readonly body: string
  readonly hash: string
}

/** Shows notices of the desktop. */
export interface Notices {
  show(notice: Notice): void
  close(): void
}

/**
 * Creates the door to the desktop's notifications. `open` is called with the address of a clicked notice. Where nothing
 * shows notices (no service on the bus) `onFailure` gets the reason; the console shows what waits anyway.
 */
export function createNotices(open: (hash: string) => void, onFailure: (reason: string) => void): Notices {
  // A notification that nobody holds is collected, and its click with it.
  const shown = new Set<Notification>()
  return {
    show({ title, body, hash }) {
      if (!Notification.isSupported()) return onFailure('not supported on this system')
      const notification = new Notification({ title, body })
      const forget = (): void => {
        shown.delete(notification)
      }
      notification.on('click', () => {
        forget()
        open(hash)
      })
      notification.on('close', forget)
      notification.on('failed', (_event, reason) => {
        forget()
        onFailure(reason)
      })
      shown.add(notification)
      notification.show()
    },
    close() {
      for (const notification of shown) notification.close()
      shown.clear()
    },
  }
}
