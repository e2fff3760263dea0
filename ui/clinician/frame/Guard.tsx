import { Component, type ReactNode } from 'react';
import { FaultNote } from '../../shared/components/FaultNote.tsx';
import { faultOf } from '../../shared/ipc.ts';

/**
 * A screen that breaks says so in its own place; the frame, the lock and the other screens go
 * on. What broke is not written anywhere: it could quote a record.
 */
export class Guard extends Component<{ children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };

  static getDerivedStateFromError(): { broken: boolean } {
    return { broken: true };
  }

  override render(): ReactNode {
    if (!this.state.broken) {
      return this.props.children;
    }
    return (
      <div style={{ padding: 24 }}>
        <FaultNote fault={faultOf(null)} again={() => this.setState({ broken: false })} />
      </div>
    );
  }
}
