// A program behind the window that lives in memory: same commands, same events, same faults.
// For tests and pictures only; nothing under clinician/ or shared/ imports it.
import { emit } from '@tauri-apps/api/event';
import { mockIPC } from '@tauri-apps/api/mocks';
import type {
  AccessRow,
  AccessView,
  AppointmentView,
  BookingForm,
  CallView,
  Choice,
  CloseForm,
  CombineForm,
  DeviceKind,
  DevicesView,
  DraftForm,
  DraftView,
  EmergencyForm,
  ExportFormat,
  Fault,
  GuestKind,
  GuestView,
  InboxView,
  JustifyForm,
  LedgerState,
  LikelyView,
  MergeForm,
  MoveForm,
  PatientForm,
  PatientRow,
  ProblemChange,
  Progress,
  RehearsalReport,
  ReportForm,
  ReviewView,
  Saved,
  SessionView,
  SettingsView,
  SyncView,
  VisitStage,
  VisitView,
} from '../../shared/bindings.ts';
import { addDays } from '../../shared/time.ts';
import { accesses, report, reviewItems, reviewsOf } from './access.ts';
import { activityOf } from './activity.ts';
import { chartOf, noteOf, TERMS } from './chart.ts';
import { appointments, hours } from './day.ts';
import { inboxOf, nothingWaits, waitingIn } from './inbox.ts';
import { ANY, closedFault, ledgerOf, type Role, userOf } from './office.ts';
import { DAY, NOW, PRACTITIONERS, people, ZONE } from './people.ts';
import { rehearsed } from './rehearsal.ts';
import {
  callWith,
  devicesOf,
  guestCalls,
  guestOf,
  guestsOf,
  headsetPulled,
  sourcesOf,
  visitOf,
} from './visits.ts';

/** How the fake starts. */
export interface Setting {
  phase?: SessionView['phase'];
  connection?: SyncView['connection'];
  empty?: boolean;
  role?: Role;
  theme?: 'light' | 'dark';
  profiles?: number;
  /** Records that are closed to the user, by patient. */
  closed?: Record<string, 'needs-justification' | 'needs-emergency'>;
  ledger?: LedgerState;
  lease?: SyncView['lease'];
  rehearsal?: boolean;
  notice?: Fault;
  /** Somebody waits for a video visit; in the call a headset is pulled out. */
  visit?: 'waiting' | 'headset-pulled';
  /** How the guests of that visit stand. */
  guests?: readonly VisitStage[];
  /** Users sign in with the organisation. */
  organisation?: boolean;
  browsing?: boolean;
  /** Commands that fail, with their fault. */
  faults?: Record<string, Fault>;
  /** Commands that never answer. */
  hang?: readonly string[];
}

const SERVER = 'https://rounds.harbour-clinic.example:8443';

export function fault(code: string, field: string | null = null): Fault {
  return {
    code,
    what: `It did not work: ${code}.`,
    safe: 'Nothing on this computer was lost.',
    act: 'Try again.',
    field,
  };
}

/** The fake program. */
export class FakeClinic {
  readonly calls: { command: string; args: Record<string, unknown> }[] = [];
  readonly setting: Setting;
  /** Where each user was, by name. */
  private readonly left = new Map<string, string>();
  session: SessionView;
  sync: SyncView;
  patients: PatientRow[];
  appointments: AppointmentView[];
  inbox: InboxView;
  /** Audit events that this computer recorded. */
  events = 420;
  drafts = new Map<string, DraftView>();
  granted = new Map<string, AccessView>();
  accesses: AccessRow[];
  reviews: ReviewView[];
  visits: VisitView[] = [];
  call: CallView | null = null;
  devices: DevicesView = devicesOf();
  rehearsed: RehearsalReport | null;
  settings: SettingsView;

  constructor(setting: Setting = {}) {
    this.setting = setting;
    const phase = setting.phase ?? 'unlocked';
    this.patients = setting.empty ? [] : people();
    this.appointments = setting.empty ? [] : appointments(this.patients);
    const watches = setting.role === 'auditor' || setting.role === 'security-officer';
    this.inbox = setting.empty || watches ? nothingWaits() : inboxOf();
    this.accesses = accesses(this.patients);
    this.reviews = reviewItems(this.patients);
    this.rehearsed = setting.rehearsal ? rehearsed(true) : null;
    this.session = {
      phase,
      server: SERVER,
      profiles:
        phase === 'first-start'
          ? []
          : ['mlindqvist', 'tekwueme'].slice(0, setting.profiles ?? 1).map((username) => ({
              username,
              server: SERVER,
              organisation: setting.organisation ?? false,
            })),
      user: phase === 'unlocked' ? this.user() : null,
      browsing: setting.browsing ?? false,
      notice: setting.notice ?? null,
    };
    if (setting.visit) {
      this.visits = [visitOf(this.patients, false, guestsOf(setting.guests ?? []))];
    }
    const offline = setting.connection === 'offline';
    this.sync = {
      connection: setting.connection ?? 'online',
      toSend: offline ? 3 : 0,
      auditToSend: offline ? 12 : 0,
      needsYou: waitingIn(this.inbox),
      duplicates: this.inbox.pairs.length,
      confirmedAt: '2026-11-24T10:31:00-05:00',
      first: phase === 'filling' ? { done: 18_240, total: 41_900, stopped: false } : null,
      fault: null,
      ledger: ledgerOf(setting.ledger ?? 'verified'),
      lease: setting.lease ?? { state: 'valid', until: 'Fri 14:00', minutesLeft: 4_200 },
      rehearsal: setting.rehearsal ? { until: '2026-11-24T11:00:00-05:00', minutesLeft: 26 } : null,
    };
    this.settings = {
      theme: setting.theme ?? 'light',
      idleMinutes: 10,
      idleMinutesMax: 30,
      version: '0.1.0',
      server: SERVER,
      device: '7c1f2c1e-4f59-4d4d-9a7e-0f3b8f1a2b6d',
      profileFolder: '/home/clinician/.local/share/rounds/profiles/9b1c4e',
      records: setting.empty ? 0 : 41_902,
      cacheBytes: 128_400_000,
      keychain: 'Secret Service',
    };
    if (!setting.empty) {
      this.drafts.set('pat-3', {
        id: 'draft-1',
        patient: 'pat-3',
        subjective: 'Sleeps poorly since the change of dose.',
        objective: '',
        assessment: '',
        plan: '',
        keptAt: '2026-11-23T17:12:00-05:00',
      });
    }
  }

  user(): NonNullable<SessionView['user']> {
    return userOf(this.setting.role ?? 'clinician');
  }

  /** Puts the fake where the program would be. */
  install(): this {
    mockIPC((command, args) => this.invoke(command, (args ?? {}) as Record<string, unknown>), {
      shouldMockEvents: true,
    });
    return this;
  }

  async invoke(command: string, args: Record<string, unknown>): Promise<unknown> {
    this.calls.push({ command, args });
    if (this.setting.hang?.includes(command)) {
      return new Promise(() => {});
    }
    const wrong = this.setting.faults?.[command];
    if (wrong) {
      throw wrong;
    }
    const act = (this as unknown as Record<string, unknown>)[`do_${command}`];
    if (typeof act !== 'function') {
      throw new Error(`the fake does not know ${command}`);
    }
    return structuredClone(await (act as (a: unknown) => unknown).call(this, args));
  }

  tellSync(change: Partial<SyncView>): void {
    this.sync = { ...this.sync, ...change };
    void emit('sync-changed', this.sync);
  }

  tellSession(change: Partial<SessionView>): void {
    this.session = { ...this.session, ...change };
    void emit('session-changed', this.session);
  }

  tellData(types: string[], patients: string[] = []): void {
    void emit('data-changed', { types, patients });
  }

  count(command: string): number {
    return this.calls.filter((call) => call.command === command).length;
  }

  #written(reference: string, types: string[], patients: string[] = []): Saved {
    this.tellData(types, patients);
    if (this.sync.connection === 'offline') {
      this.tellSync({ toSend: this.sync.toSend + 1, auditToSend: this.sync.auditToSend + 1 });
    }
    return { reference, standing: 'saved' };
  }

  do_session_view() {
    return this.session;
  }
  do_sign_in_ways() {
    return { organisation: this.setting.organisation ?? false };
  }
  do_sign_in_again() {
    this.tellSync({ connection: 'online' });
    return this.session;
  }
  do_cancel_sign_in() {
    this.session = { ...this.session, browsing: false };
    return this.session;
  }
  do_enrol({ form }: { form: { username: string; password: string; organisation: boolean } }) {
    if (form.password === 'wrong') {
      throw fault('password-wrong', 'password');
    }
    this.session = {
      ...this.session,
      phase: 'unlocked',
      profiles: [{ username: form.username, server: SERVER, organisation: form.organisation }],
      user: this.user(),
    };
    return this.session;
  }
  do_unlock({ form }: { form: { username: string; password: string } }) {
    if (form.password === 'wrong') {
      throw fault('password-wrong', 'password');
    }
    const named = { username: form.username };
    this.session = { ...this.session, phase: 'unlocked', user: { ...this.user(), ...named } };
    return this.session;
  }
  do_lock() {
    this.session = {
      ...this.session,
      phase: 'locked',
      user: null,
    };
    return this.session;
  }
  do_keep_place({ place }: { place: string }) {
    this.left.set(this.session.user?.username ?? '', place);
    return null;
  }
  do_kept_place() {
    return this.left.get(this.session.user?.username ?? '') ?? null;
  }
  do_sign_out() {
    return this.do_lock();
  }
  do_change_password({ form }: { form: { current: string; next: string } }) {
    if (form.current === 'wrong') {
      throw fault('password-wrong', 'current');
    }
    return this.session;
  }
  do_note_activity() {
    return null;
  }
  do_sync_view() {
    return this.sync;
  }
  do_sync_now() {
    return null;
  }
  do_stop_first_sync() {
    this.tellSync({ first: this.sync.first && { ...this.sync.first, stopped: true } });
    return null;
  }
  do_resume_first_sync() {
    this.tellSync({ first: this.sync.first && { ...this.sync.first, stopped: false } });
    return null;
  }
  do_today() {
    const mine = this.setting.role === 'front-desk' ? null : 'prac-1';
    return {
      date: DAY,
      now: NOW,
      whose: mine ? 'Dr. Maren Lindqvist' : 'Harbour Street Clinic',
      appointments: this.appointments
        .filter((a) => a.start.startsWith(DAY) && (mine === null || a.practitioner === mine))
        .sort((a, b) => a.start.localeCompare(b.start)),
      unsigned: [...this.drafts.values()].map((draft) => ({
        draft: draft.id,
        patient: draft.patient,
        patientName: this.patients.find((p) => p.id === draft.patient)?.name ?? '',
        changedAt: draft.keptAt,
      })),
    };
  }
  do_find_patients({ query, limit }: { query: string; limit: number }) {
    const parts = query.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = this.patients.filter((row) =>
      parts.every((part) =>
        [...row.name.toLowerCase().split(' '), row.birthDate, row.mrn?.toLowerCase(), row.phone]
          .filter((text): text is string => Boolean(text))
          .some((text) => text.startsWith(part)),
      ),
    );
    return { rows: rows.slice(0, limit), more: rows.length > limit };
  }
  do_patient_form({ patient }: { patient: string }): PatientForm {
    const row = this.patients.find((p) => p.id === patient);
    const names = (row?.name ?? '').split(' ');
    return {
      id: patient,
      version: 3,
      given: names.slice(0, -1).join(' '),
      family: names.at(-1) ?? '',
      birthDate: row?.birthDate ?? '',
      sex: row?.sex ?? 'unknown',
      mrn: row?.mrn ?? '',
      ssn: '',
      phone: row?.phone ?? '',
      email: '',
      street: '18 Quay Road',
      city: 'Portsmouth',
      state: 'NH',
      postalCode: '03801',
    };
  }
  do_save_patient({ form }: { form: PatientForm }) {
    const id = form.id ?? `pat-new-${this.patients.length}`;
    const row: PatientRow = {
      id,
      name: `${form.given} ${form.family}`.trim(),
      birthDate: form.birthDate || null,
      age: null,
      sex: form.sex,
      mrn: form.mrn || 'MR-900001',
      phone: form.phone || null,
      lastSeen: null,
      replacedBy: null,
      standing: 'saved',
    };
    this.patients = [row, ...this.patients.filter((p) => p.id !== id)];
    return this.#written(`Patient/${id}`, ['Patient'], [id]);
  }
  do_likely_duplicates({ form }: { form: PatientForm }): LikelyView[] {
    const typed = `${form.given} ${form.family}`.toLowerCase();
    return this.patients
      .filter((p) => p.replacedBy === null && p.name.toLowerCase().startsWith(typed.slice(0, 8)))
      .slice(0, 3)
      .map((patient, n) => ({
        patient,
        isLikely: n === 0 && patient.birthDate === form.birthDate,
        findings: [
          { element: 'given', agreement: 'same' },
          { element: 'family', agreement: 'same' },
          {
            element: 'birth-date',
            agreement: patient.birthDate === form.birthDate ? 'same' : 'apart',
          },
        ],
      }));
  }
  do_merge_patients({ form }: { form: MergeForm }) {
    const survivor = this.patients.find((p) => p.id === form.survivor);
    this.patients = this.patients.map((p) =>
      p.id === form.replaced && survivor
        ? { ...p, replacedBy: { id: survivor.id, name: survivor.name } }
        : p,
    );
    this.#paired();
    return this.#written(`Patient/${form.replaced}`, ['Patient'], [form.survivor, form.replaced]);
  }
  do_keep_apart({ one, other }: { one: string; other: string }) {
    this.#paired();
    return this.#written(`Patient/${one}`, ['Patient'], [one, other]);
  }
  do_undo_merge({ replaced }: { replaced: string }) {
    const survivor = this.patients.find((p) => p.id === replaced)?.replacedBy?.id ?? '';
    this.patients = this.patients.map((p) => (p.id === replaced ? { ...p, replacedBy: null } : p));
    this.inbox = {
      ...this.inbox,
      merges: this.inbox.merges.filter((m) => m.replaced.id !== replaced),
    };
    return this.#written(`Patient/${replaced}`, ['Patient'], [replaced, survivor]);
  }
  #paired() {
    this.inbox = { ...this.inbox, pairs: [] };
    this.tellSync({ duplicates: 0 });
  }
  do_open_chart({ patient }: { patient: string }) {
    const row = this.patients.find((p) => p.id === patient);
    if (!row) {
      throw fault('patient-unknown');
    }
    this.#related(patient);
    const access = this.granted.get(patient) ?? null;
    const earlier = this.patients
      .filter((p) => p.replacedBy?.id === patient)
      .map((p) => ({ patient: p, shown: !this.setting.closed?.[p.id] }));
    return { ...chartOf(row, this.drafts.get(patient)?.id ?? null), access, earlier };
  }
  do_note({ reference }: { reference: string }) {
    return noteOf(reference);
  }
  #related(patient: string) {
    const closed = this.setting.closed?.[patient];
    const granted = this.granted.get(patient)?.kind;
    const opens =
      closed === 'needs-justification' ? granted !== undefined : granted === 'emergency';
    if (closed !== undefined && !opens) {
      throw closedFault(closed, this.sync.connection === 'offline');
    }
  }
  #grant(patient: string, kind: AccessView['kind'], hours: number): AccessView {
    const until = new Date(Date.now() + hours * 3_600_000).toISOString();
    this.granted.set(patient, { kind, until });
    return { kind, until };
  }
  do_justify_access({ form }: { form: JustifyForm }) {
    return this.#grant(form.patient, 'justified', 8);
  }
  do_emergency_access({ form }: { form: EmergencyForm }) {
    if (form.password === 'wrong') {
      throw fault('password-wrong', 'password');
    }
    return this.#grant(form.patient, 'emergency', 2);
  }
  #online() {
    if (this.sync.connection === 'offline') {
      throw fault('offline');
    }
  }
  do_who_looked({ patient, cursor }: { patient: string; cursor: string | null }) {
    this.#online();
    return report(this.accesses, { ...ANY, patient, cursor });
  }
  do_access_report({ query }: { query: ReportForm }) {
    this.#online();
    return report(this.accesses, query);
  }
  do_export_report({ format }: { query: ReportForm; format: ExportFormat }) {
    this.#online();
    const name = `rounds-accesses-2026-11-24.${format === 'csv' ? 'csv' : 'json'}`;
    return { path: `/home/imani/Downloads/${name}` };
  }
  do_reviews({ closed }: { closed: boolean; cursor: string | null }) {
    this.#online();
    return reviewsOf(this.reviews, closed);
  }
  do_close_review({ form }: { form: CloseForm }) {
    this.#online();
    const item = this.reviews.find((one) => one.id === form.id);
    if (!item) {
      throw fault('review-unknown');
    }
    item.closed = { at: NOW, by: 'Imani Brandt', finding: form.finding, words: form.words };
    return item;
  }
  do_visits() {
    return { heard: this.sync.connection === 'online', visits: this.visits };
  }
  do_admit_to_visit() {
    this.visits = [visitOf(this.patients, true, this.visits[0]?.guests)];
    this.call = callWith(this.visits);
    if (this.setting.visit === 'headset-pulled') {
      this.pullHeadset();
    }
    this.tellData(['Visit']);
    return null;
  }
  do_invite_to_visit() {
    return {
      url: 'https://rounds.harbour-clinic.example:8443/visit/#Zk3v9Q0',
      until: '2026-11-24T13:00:00-05:00',
      guest: null,
    };
  }
  /** Guests are others now, in the list and in the call. */
  tellGuests(change: (guests: GuestView[]) => GuestView[]): void {
    this.visits = this.visits.map((visit) => {
      const guests = change(visit.guests);
      return { ...visit, guests, canInvite: guests.length < 3 };
    });
    const guests = this.visits.flatMap((visit) => visit.guests);
    this.call = this.call && { ...this.call, guests: guestCalls(guests) };
    this.tellData(['Visit']);
  }
  #guest(guest: string, stage: VisitStage) {
    this.tellGuests((all) => all.map((one) => (one.guest === guest ? { ...one, stage } : one)));
    return null;
  }
  do_invite_guest({ kind }: { kind: GuestKind }) {
    const guest = `guest-new-${this.visits[0]?.guests.length}`;
    this.tellGuests((all) => [...all, guestOf(guest, kind)]);
    return {
      url: 'https://rounds.harbour-clinic.example:8443/visit/#p7Xw2Lm',
      until: '2026-11-24T13:00:00-05:00',
      guest,
    };
  }
  do_admit_guest({ guest }: { guest: string }) {
    return this.#guest(guest, 'talking');
  }
  do_end_guest_call({ guest }: { guest: string }) {
    return this.#guest(guest, 'waiting');
  }
  do_dismiss_guest({ guest }: { guest: string }) {
    this.tellGuests((all) => all.filter((one) => one.guest !== guest));
    return null;
  }
  do_guest_picture() {
    return null;
  }
  do_call() {
    return this.call;
  }
  do_call_pictures() {
    return null;
  }
  do_devices() {
    return this.devices;
  }
  do_choose_device({ kind, id }: { kind: DeviceKind; id: string | null }) {
    this.devices = { ...this.devices, [kind]: id };
    return this.devices;
  }
  do_share_sources() {
    return sourcesOf();
  }
  do_share_screen({ id }: { id: string }) {
    const name = sourcesOf().find((source) => source.id === id)?.name ?? null;
    this.call = this.call && { ...this.call, sharing: name };
    return null;
  }
  do_stop_sharing() {
    this.call = this.call && { ...this.call, sharing: null };
    return null;
  }
  /** Somebody pulls the headset out of the computer. */
  pullHeadset(): void {
    const { call, devices } = headsetPulled(this.call, this.devices);
    this.call = call;
    this.devices = devices;
  }
  do_problem_terms({ query }: { query: string }) {
    return TERMS.filter((term) => term.text.toLowerCase().includes(query.toLowerCase()));
  }
  do_add_vitals({ form }: { form: { patient: string } }) {
    this.#related(form.patient);
    return this.#written('Observation/new', ['Observation'], [form.patient]);
  }
  do_add_problem({ form }: { form: { patient: string } }) {
    return this.#written('Condition/new', ['Condition'], [form.patient]);
  }
  do_problem_form({ reference }: { reference: string }): ProblemChange {
    const items = this.patients.flatMap((row) => {
      const found = chartOf(row, null).problems.find((item) => item.reference === reference);
      return found ? [{ row, found }] : [];
    });
    const [first] = items;
    if (!first) {
      throw fault('not-found');
    }
    return {
      reference,
      version: 1,
      patient: first.row.id,
      text: first.found.text,
      status: first.found.active ? 'active' : 'resolved',
      onset: first.found.since,
      ended: null,
    };
  }
  do_change_problem({ form }: { form: ProblemChange }) {
    return this.#written(form.reference, ['Condition'], [form.patient]);
  }
  do_draft({ patient }: { patient: string }) {
    this.#related(patient);
    return this.drafts.get(patient) ?? null;
  }
  do_keep_draft({ form }: { form: DraftForm }) {
    const draft = { ...form, id: form.id ?? `draft-${this.drafts.size + 1}`, keptAt: NOW };
    this.drafts.set(form.patient, draft);
    return draft;
  }
  do_discard_draft({ id }: { id: string }) {
    for (const [patient, draft] of this.drafts) {
      if (draft.id === id) {
        this.drafts.delete(patient);
        this.tellData(['DocumentReference'], [patient]);
      }
    }
    return null;
  }
  do_sign_note({ draft: id }: { draft: string }) {
    const draft = [...this.drafts.values()].find((d) => d.id === id);
    if (!draft) {
      throw fault('draft-unknown');
    }
    this.drafts.delete(draft.patient);
    return this.#written('DocumentReference/new', ['DocumentReference'], [draft.patient]);
  }
  do_schedule({ from, days }: { from: string; days: number }) {
    const until = addDays(from, days);
    const within = (at: string) => at.slice(0, 10) >= from && at.slice(0, 10) < until;
    return {
      from,
      days,
      timeZone: ZONE,
      practitioners: this.setting.empty ? [] : PRACTITIONERS,
      appointments: this.appointments.filter((a) => within(a.start)),
      hours: this.setting.empty ? [] : hours().filter((h) => within(h.start)),
    };
  }
  do_book({ form }: { form: BookingForm }) {
    const patient = this.patients.find((p) => p.id === form.patient);
    const end = new Date(new Date(form.start).getTime() + form.minutes * 60_000);
    const id = `app-new-${this.appointments.length}`;
    this.appointments.push({
      id,
      start: form.start,
      end: end.toISOString(),
      patient: form.patient,
      patientName: patient?.name ?? '',
      patientDetail: patient?.age ?? '',
      practitioner: form.practitioner,
      practitionerName: PRACTITIONERS.find((p) => p.id === form.practitioner)?.name ?? '',
      place: null,
      reason: form.reason,
      progress: 'booked',
      since: null,
      cancelledBecause: null,
      standing: 'saved',
    });
    return this.#written(`Appointment/${id}`, ['Appointment'], [form.patient]);
  }
  #change(id: string, change: Partial<AppointmentView>) {
    const found = this.appointments.find((a) => a.id === id);
    if (!found) {
      throw fault('appointment-unknown');
    }
    Object.assign(found, change, { standing: 'saved' });
    return this.#written(
      `Appointment/${id}`,
      ['Appointment'],
      found.patient ? [found.patient] : [],
    );
  }
  do_move_appointment({ form }: { form: MoveForm }) {
    return this.#change(form.id, {
      start: form.start,
      end: new Date(new Date(form.start).getTime() + form.minutes * 60_000).toISOString(),
      practitioner: form.practitioner,
      practitionerName: PRACTITIONERS.find((p) => p.id === form.practitioner)?.name ?? '',
    });
  }
  do_cancel_appointment({ id, reason }: { id: string; reason: string }) {
    return this.#change(id, { progress: 'cancelled', cancelledBecause: reason });
  }
  do_set_progress({ id, progress }: { id: string; progress: Progress }) {
    return this.#change(id, { progress, since: NOW });
  }
  do_inbox() {
    return this.inbox;
  }
  #settled(left: Partial<InboxView>) {
    this.inbox = { ...this.inbox, ...left };
    this.tellSync({ needsYou: waitingIn(this.inbox) });
    this.tellData(['Patient', 'Appointment']);
    return null;
  }
  do_settle_conflict({ id }: { id: string; choice: Choice }) {
    return this.#settled({ conflicts: this.inbox.conflicts.filter((c) => c.id !== id) });
  }
  do_combine_conflict({ form }: { form: CombineForm }) {
    return this.do_settle_conflict({ id: form.id, choice: 'keep-mine' });
  }
  do_fetch_again({ reference }: { reference: string }) {
    return this.#settled({
      unreadable: this.inbox.unreadable.filter((u) => u.reference !== reference),
    });
  }
  do_note_set_aside({ id }: { id: string }) {
    return this.#settled({ setAside: this.inbox.setAside.filter((aside) => aside.id !== id) });
  }
  do_start_rehearsal() {
    this.rehearsed = rehearsed(true);
    this.tellSync({
      connection: 'offline',
      rehearsal: { until: '2026-11-24T11:04:00-05:00', minutesLeft: 30 },
    });
    return this.sync;
  }
  do_stop_rehearsal() {
    this.rehearsed = rehearsed(false);
    this.tellSync({ connection: 'online', rehearsal: null });
    return this.rehearsed;
  }
  do_rehearsal_report() {
    return this.rehearsed;
  }
  do_give_up_refused({ id }: { id: string }) {
    return this.#settled({ refused: this.inbox.refused.filter((r) => r.id !== id) });
  }
  do_retry_refused({ id }: { id: string }) {
    return this.do_give_up_refused({ id });
  }
  do_activity({ limit }: { limit: number }) {
    const events = this.setting.empty ? 0 : this.events;
    return activityOf(events, this.sync.connection === 'offline', limit);
  }
  do_settings_view() {
    return this.settings;
  }
  do_save_settings({ form }: { form: { theme: SettingsView['theme']; idleMinutes: number } }) {
    this.settings = { ...this.settings, ...form };
    return this.settings;
  }
}
