import { X } from 'lucide-react'
import { useEffect } from 'react'
import { type Notice, useNotices } from '../stores/notices.ts'
import { Button } from '../ui/Button.tsx'

/** What was just done or failed, above the foot, with a way back where there is one. */
export function Notices() {
  const notices = useNotices((state) => state.notices)
  return (
    <div className="notices" role="status" aria-live="polite">
      {notices.map((notice) => (
        <NoticeBar key={notice.id} notice={notice} />
      ))}
    </div>
  )
}

function NoticeBar(props: { notice: Notice }) {
  const { notice } = props
  const dismiss = useNotices((state) => state.dismiss)
  useEffect(() => {
    const timer = setTimeout(() => dismiss(notice.id), notice.lastsMs)
    return () => clearTimeout(timer)
  }, [notice, dismiss])
  const act = () => {
    notice.onAction?.()
    dismiss(notice.id)
  }
  return (
    <div className={`notice ${notice.tone}`}>
      <span className="grow">
        {notice.text} {notice.todo && <span className="muted">{notice.todo}</span>}
      </span>
      {notice.actionLabel && <Button onPress={act}>{notice.actionLabel}</Button>}
      <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => dismiss(notice.id)}>
        <X size={14} strokeWidth={1.5} />
      </button>
    </div>
  )
}
