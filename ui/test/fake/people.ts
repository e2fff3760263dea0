// People of the fake clinic. Made up; names in several scripts and lengths on purpose.
import type { PatientRow, PractitionerView } from '../../shared/bindings.ts';

export const ZONE = 'America/New_York';
/** A Tuesday morning: `2026-11-24T10:34` in the clinic. */
export const NOW = '2026-11-24T15:34:20Z';
export const DAY = '2026-11-24';

export const PRACTITIONERS: PractitionerView[] = [
  { id: 'prac-1', name: 'Dr. Maren Lindqvist', speciality: 'Family medicine' },
  { id: 'prac-2', name: 'Dr. Tobias Ekwueme', speciality: 'Internal medicine' },
  { id: 'prac-3', name: 'Dr. Ines Calderón', speciality: 'Paediatrics' },
  { id: 'prac-4', name: 'Hana Sato, NP', speciality: 'Family medicine' },
];

const NAMES: [string, string, PatientRow['sex'], string][] = [
  ['Ada Okafor', '1974-03-18', 'female', '52 y'],
  ['Bartholomew Featherstonehaugh-Cavendish', '1948-11-02', 'male', '78 y'],
  ['李秀英', '1961-04-02', 'female', '65 y'],
  ['محمد عبد الرحمن الأنصاري', '1983-07-21', 'male', '43 y'],
  ['Noor van der Berg', '2025-09-11', 'female', '14 mo'],
  ['Ólafur Jónsson', '1990-01-30', 'male', '36 y'],
  ['Grace Abiodun', '2026-11-03', 'female', '3 w'],
  ['Dmitri Волков', '1957-12-12', 'male', '68 y'],
  ['Élodie Marchand', '2019-06-05', 'female', '7 y'],
  ['Samuel Whitfield', '1939-02-27', 'male', '87 y'],
  ['Priya Raghunathan', '1996-08-14', 'female', '30 y'],
  ['Jesús Ortega Núñez', '1968-05-09', 'male', '58 y'],
  ['Wanjiru Kamau', '2002-10-23', 'female', '24 y'],
  ['Tomasz Wiśniewski', '1979-09-01', 'male', '47 y'],
  ['Alex Doyle', '1988', 'unknown', '38 y'],
  ['Ruth Steinberg', '1944-01-08', 'female', '82 y'],
];
const FAMILY = ['Adler', 'Becker', 'Castillo', 'Dunne', 'Eriksen', 'Fontaine', 'Greco', 'Hale'];
const GIVEN = ['Anna', 'Ben', 'Carla', 'David', 'Emma', 'Felix', 'Gina', 'Hugo', 'Iris', 'Jonas'];

/** Enough patients that the list must be virtual. */
export function people(): PatientRow[] {
  const rows: PatientRow[] = NAMES.map(([name, birthDate, sex, age], n) => ({
    id: `pat-${n + 1}`,
    name,
    birthDate,
    age,
    sex,
    mrn: `MR-${100204 + n * 317}`,
    phone: n % 5 === 3 ? null : `(555) 01${String(20 + n).padStart(2, '0')}-${4401 + n * 7}`,
    lastSeen:
      n === 14
        ? null
        : `2026-${String(11 - (n % 9)).padStart(2, '0')}-${String(20 - n).padStart(2, '0')}`,
    replacedBy: null,
    standing: n === 10 ? 'saved' : n === 12 ? 'needs-you' : 'confirmed',
  }));
  for (let n = 0; n < 240; n += 1) {
    const year = 1936 + ((n * 13) % 85);
    rows.push({
      id: `pat-x${n}`,
      name:
        n === 5 ? 'Rut Steinberg' : `${GIVEN[n % GIVEN.length]} ${FAMILY[(n * 3) % FAMILY.length]}`,
      birthDate: `${year}-${String((n % 12) + 1).padStart(2, '0')}-${String((n % 27) + 1).padStart(2, '0')}`,
      age: `${2026 - year} y`,
      sex: n % 2 ? 'male' : 'female',
      mrn: `MR-${200000 + n * 41}`,
      phone: `(555) 0188-${1000 + n}`,
      lastSeen: `2025-${String((n % 12) + 1).padStart(2, '0')}-14`,
      replacedBy: n === 5 ? { id: 'pat-16', name: 'Ruth Steinberg' } : null,
      standing: 'confirmed',
    });
  }
  return rows;
}
