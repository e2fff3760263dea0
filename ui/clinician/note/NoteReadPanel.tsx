import { Panel } from '../frame/Panel.tsx';

/** Replaced by its owner. */
export default function NoteReadPanel({ reference }: { reference: string; patient: string }) {
  return <Panel title={reference}>{null}</Panel>;
}
