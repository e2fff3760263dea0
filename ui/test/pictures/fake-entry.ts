// Bundled on its own and put into the page before the window's script: the pictures' program.
import { FakeClinic, type Setting } from '../fake/clinic.ts';

declare global {
  interface Window {
    fake: FakeClinic;
    fakeSetting?: Setting;
  }
}

window.fake = new FakeClinic(window.fakeSetting ?? {}).install();
