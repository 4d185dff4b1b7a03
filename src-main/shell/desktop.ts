import type { SignalboxContract } from '../contract/index.ts'
import type { ClientOf } from '../contract/procedure.ts'
import type { SessionRow } from '../contract/session.ts'
import type { Look } from './look.ts'
import { noticeFor } from './notice-texts.ts'
import type { Notices } from './notices.ts'
import type { TrayIcon } from './tray.ts'

type Client = ClientOf<SignalboxContract>

export interface DesktopParts {
  readonly client: Client
  readonly tray: TrayIcon | undefined
  readonly notices: Notices
  /** Told at the start and whenever a setting was changed. */
  readonly keepLook: (look: Look) => void
  /** Told of the start and of each fact. */
  readonly touch: () => void
  readonly log: (message: string, error: unknown) => void
}

/** Facts after which somebody may have to be told. */
const tellable = new Set(['session.asked', 'session.ended'])
const trayDelayMs = 300

/** Keeps the tray's menu and the desktop's notices up with the journal until `signal` aborts. */
export async function followDesktop(
  { client, tray, notices, keepLook, touch, log }: DesktopParts,
  signal: AbortSignal,
): Promise<void> {
  let isTrayDue = false
  const showTray = async () => {
    isTrayDue = false
    const { daemon, running, needsYou, queued } = await client.fleet.overview({})
    tray?.show({ state: daemon, running, needsYou, queued })
  }
  const touchTray = () => {
    if (isTrayDue || !tray) return
    isTrayDue = true
    setTimeout(
      () => void showTray().catch((error: unknown) => log('the tray was not updated', error)),
      trayDelayMs,
    )
  }
  const wear = () =>
    void client.settings
      .get({})
      .then(keepLook)
      .catch((error: unknown) => log('the look was not kept', error))
  const { atSeq } = await client.fleet.overview({})
  touchTray()
  touch()
  wear()
  for await (const { type, subject } of client.fleet.facts({ after: atSeq }, { signal })) {
    touchTray()
    touch()
    if (type === 'settings.changed') wear()
    if (tellable.has(type))
      await tell(client, notices, type, subject).catch((error: unknown) =>
        log('a notice was not shown', error),
      )
  }
}

async function tell(client: Client, notices: Notices, type: string, subject: string): Promise<void> {
  // The subject of a session's fact is its id.
  const { row } = await client.session.get({ sessionId: subject as SessionRow['id'] })
  const notice = noticeFor(type, row, await client.settings.get({}))
  if (notice) notices.show(notice)
}
