import { Component, type ErrorInfo, type ReactNode } from 'react'
import { Button } from '../ui/Button.tsx'

/** Keeps a defect in one screen from taking the frame with it. `resetKey` is the screen: going elsewhere clears it. */
export class ErrorBoundary extends Component<
  { resetKey: string; children: ReactNode },
  { error: Error | null; key: string }
> {
  override state = { error: null as Error | null, key: this.props.resetKey }

  static getDerivedStateFromError(error: Error) {
    return { error }
  }

  static getDerivedStateFromProps(props: { resetKey: string }, state: { key: string }) {
    return props.resetKey === state.key ? null : { error: null, key: props.resetKey }
  }

  override componentDidCatch(error: Error, info: ErrorInfo) {
    console.error('a screen failed to draw', error, info.componentStack)
  }

  override render() {
    if (!this.state.error) return this.props.children
    return (
      <div className="notice-block center" role="alert">
        <p className="what">This screen could not be drawn.</p>
        <p className="muted">That is our mistake. Sessions are not affected.</p>
        <Button onPress={() => this.setState({ error: null })}>Draw it again</Button>
        <details>
          <summary>Details</summary>
          <p className="mono">{this.state.error.message}</p>
        </details>
      </div>
    )
  }
}
