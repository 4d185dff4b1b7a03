import { useScreenScope } from '../../ui/keyboard.tsx'
import { ChainList } from './ChainList.tsx'
import { ChainView } from './ChainView.tsx'
import './audit.css'

/** All chains, or one of them. */
export function AuditScreen(props: { chain: string | null }) {
  useScreenScope('audit')
  return props.chain === null ? <ChainList /> : <ChainView chain={props.chain} />
}
