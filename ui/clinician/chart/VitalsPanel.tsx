import { Panel } from '../frame/Panel.tsx';

/** Replaced by its owner. */
export default function VitalsPanel({ patient }: { patient: string }) {
  return <Panel title={patient}>{null}</Panel>;
}
