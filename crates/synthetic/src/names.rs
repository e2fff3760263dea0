//! Names in several scripts and lengths. Invented people: any likeness is chance.

use crate::dice::Dice;

/// A person's name as written by its owner, and in Latin letters where that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    /// Absent for people who have one name only.
    pub(crate) family: Option<String>,
    pub(crate) given: Vec<String>,
    /// Latin spelling: family and given.
    pub(crate) latin: Option<(String, String)>,
    /// BCP 47 tag and English name of the language its owner speaks.
    pub(crate) language: (&'static str, &'static str),
}

impl Name {
    /// As shown to people: family first where the owner's script does so.
    pub(crate) fn text(&self) -> String {
        let given = self.given.join(" ");
        match &self.family {
            None => given,
            Some(family) if self.language.0 == "zh" => format!("{family}{given}"),
            Some(family) => format!("{given} {family}"),
        }
    }
}

type Pair = (&'static str, &'static str);

const ENGLISH: Pair = ("en", "English");

const FAMILY: &[&str] = &[
    "Abbott",
    "Adeyemi",
    "Alvarado",
    "Anderson",
    "Bailey",
    "Banks",
    "Barrett",
    "Bell",
    "Bishop",
    "Boateng",
    "Brooks",
    "Caldwell",
    "Carver",
    "Chambers",
    "Clarke",
    "Coleman",
    "Dawson",
    "Diaz",
    "Dixon",
    "Ellison",
    "Fairchild",
    "Fleming",
    "Foster",
    "Gallagher",
    "Garrison",
    "Goldberg",
    "Grant",
    "Hale",
    "Harper",
    "Hawkins",
    "Hendricks",
    "Holloway",
    "Hughes",
    "Iverson",
    "Jacobs",
    "Jennings",
    "Kaplan",
    "Keller",
    "Kimura",
    "Lambert",
    "Lawson",
    "Lopez",
    "Lowell",
    "Marsh",
    "Mendoza",
    "Mercer",
    "Morales",
    "Nakamura",
    "Newton",
    "Nguyen",
    "Okafor",
    "Okonkwo",
    "Owens",
    "Park",
    "Parrish",
    "Pearson",
    "Pham",
    "Prescott",
    "Quinn",
    "Ramsey",
    "Reyes",
    "Rhodes",
    "Rosen",
    "Salazar",
    "Sawyer",
    "Schwartz",
    "Sinclair",
    "Stanton",
    "Stone",
    "Sutton",
    "Tanaka",
    "Thornton",
    "Tran",
    "Tucker",
    "Vance",
    "Walsh",
    "Warner",
    "Webster",
    "Whitfield",
    "Winters",
];

const WOMEN: &[&str] = &[
    "Abigail",
    "Alice",
    "Amara",
    "Amelia",
    "Beatrice",
    "Camila",
    "Carol",
    "Charlotte",
    "Clara",
    "Deborah",
    "Diane",
    "Edith",
    "Eleanor",
    "Elizabeth",
    "Emma",
    "Evelyn",
    "Florence",
    "Grace",
    "Hannah",
    "Harriet",
    "Isabella",
    "Jane",
    "Joyce",
    "Judith",
    "Kathleen",
    "Keisha",
    "Laura",
    "Linda",
    "Lucy",
    "Mabel",
    "Margaret",
    "Maria",
    "Maya",
    "Mia",
    "Naomi",
    "Nora",
    "Olivia",
    "Patricia",
    "Priscilla",
    "Rachel",
    "Rosa",
    "Ruth",
    "Samantha",
    "Sofia",
    "Susan",
    "Tamara",
    "Valerie",
    "Vivian",
    "Yuki",
    "Zora",
];

const MEN: &[&str] = &[
    "Aaron", "Albert", "Andre", "Arthur", "Benjamin", "Bernard", "Calvin", "Carlos", "Charles",
    "Daniel", "David", "Dennis", "Edward", "Elijah", "Ernest", "Frank", "George", "Harold",
    "Henry", "Isaac", "Jamal", "James", "Joel", "John", "Jonah", "Joseph", "Kenji", "Kevin",
    "Lawrence", "Leo", "Liam", "Luis", "Malik", "Marcus", "Martin", "Mateo", "Nathan", "Noah",
    "Oliver", "Oscar", "Patrick", "Paul", "Peter", "Quentin", "Ralph", "Raymond", "Samuel",
    "Theodore", "Victor", "Walter",
];

/// Latin letters with marks: family, a woman's, a man's name, language.
const MARKED: &[(&str, &str, &str, Pair)] = &[
    ("Núñez", "Begoña", "Íñigo", ("es", "Spanish")),
    ("Peña", "Inés", "José", ("es", "Spanish")),
    ("García Márquez", "María José", "Andrés", ("es", "Spanish")),
    ("Øverland", "Åse", "Jørgen", ENGLISH),
    ("Müller", "Käthe", "Jürgen", ENGLISH),
    ("Weiß", "Änne", "Günther", ENGLISH),
    ("Lefèvre", "Chloé", "François", ("fr", "French")),
    ("Bélanger", "Zoë", "Jérôme", ("fr", "French")),
    ("Łukasiewicz", "Bożena", "Przemysław", ("pl", "Polish")),
    ("Dvořák", "Božena", "Jiří", ENGLISH),
    ("Ștefănescu", "Ioana", "Ștefan", ENGLISH),
    ("Şahin", "Gülşen", "Çağlar", ENGLISH),
    ("Gonçalves", "Conceição", "João", ("pt", "Portuguese")),
    ("Nguyễn", "Thị Hồng", "Văn Đức", ("vi", "Vietnamese")),
    ("Đặng", "Ngọc Ánh", "Quốc Bảo", ("vi", "Vietnamese")),
    ("Sigurðsson", "Þóra", "Ásgeir", ENGLISH),
    ("Kovačević", "Željka", "Đorđe", ENGLISH),
    ("Ó Súilleabháin", "Caoimhe", "Pádraig", ENGLISH),
];

/// Apostrophes, hyphens, particles, very short and very long ones.
const UNUSUAL: &[(&str, &str, &str)] = &[
    ("O'Brien", "Siobhan", "Sean"),
    ("D'Angelo", "Gianna", "Marco"),
    ("O’Connor", "Moira", "Declan"),
    ("N'Diaye", "Awa", "Ousmane"),
    ("Smith-Jones", "Anne-Marie", "Jean-Luc"),
    ("van der Berg", "Saskia", "Pieter"),
    ("de la Cruz", "Lucía", "Rafael"),
    ("St. John", "Philippa", "Alistair"),
    ("Li", "An", "Bo"),
    ("Ng", "Mei", "Wei"),
    ("O", "Soo", "Min"),
    (
        "Featherstonehaugh-Cholmondeley",
        "Wilhelmina Alexandrina",
        "Bartholomew Maximilian",
    ),
    (
        "Wolfeschlegelsteinhausen",
        "Anna Katharina Magdalena",
        "Johann Gottfried Leberecht",
    ),
    (
        "Rajaratnam Balasubramaniam",
        "Sivakamasundari",
        "Venkatanarasimharajuvaripeta",
    ),
    ("Keihanaikukauakahihuliheekahaunaele", "Janice", "Kealoha"),
];

/// Cyrillic: a woman's and a man's family name, their Latin spellings, given names with theirs.
const CYRILLIC: &[[&str; 8]] = &[
    [
        "Иванова",
        "Ivanova",
        "Ольга",
        "Olga",
        "Иванов",
        "Ivanov",
        "Сергей",
        "Sergei",
    ],
    [
        "Кузнецова",
        "Kuznetsova",
        "Наталья",
        "Natalia",
        "Кузнецов",
        "Kuznetsov",
        "Алексей",
        "Alexei",
    ],
    [
        "Шевченко",
        "Shevchenko",
        "Оксана",
        "Oksana",
        "Шевченко",
        "Shevchenko",
        "Тарас",
        "Taras",
    ],
    [
        "Ковальчук",
        "Kovalchuk",
        "Леся",
        "Lesia",
        "Ковальчук",
        "Kovalchuk",
        "Богдан",
        "Bohdan",
    ],
    [
        "Петрова",
        "Petrova",
        "Мария",
        "Maria",
        "Петров",
        "Petrov",
        "Димитър",
        "Dimitar",
    ],
    [
        "Щербакова",
        "Shcherbakova",
        "Юлия",
        "Yulia",
        "Щербаков",
        "Shcherbakov",
        "Фёдор",
        "Fyodor",
    ],
];

/// Han: family, a woman's and a man's name, Latin spellings of the three.
const HAN: &[[&str; 6]] = &[
    ["王", "芳", "伟", "Wang", "Fang", "Wei"],
    ["李", "秀英", "建国", "Li", "Xiuying", "Jianguo"],
    ["陈", "静怡", "志明", "Chen", "Jingyi", "Zhiming"],
    ["歐陽", "美玲", "家豪", "Ouyang", "Meiling", "Jiahao"],
    ["張", "淑芬", "俊傑", "Zhang", "Shufen", "Junjie"],
    ["刘", "娜", "磊", "Liu", "Na", "Lei"],
];

/// Arabic: as for Han.
const ARABIC: &[[&str; 6]] = &[
    ["الخطيب", "فاطمة", "محمد", "Al-Khatib", "Fatima", "Mohammad"],
    ["حداد", "ليلى", "عمر", "Haddad", "Layla", "Omar"],
    ["النجار", "مريم", "يوسف", "Al-Najjar", "Maryam", "Yusuf"],
    ["منصور", "نور", "خالد", "Mansour", "Nour", "Khaled"],
    [
        "عبد الرحمن",
        "عائشة",
        "إبراهيم",
        "Abdul Rahman",
        "Aisha",
        "Ibrahim",
    ],
];

/// Devanagari: as for Han.
const DEVANAGARI: &[[&str; 6]] = &[
    ["शर्मा", "प्रिया", "राहुल", "Sharma", "Priya", "Rahul"],
    ["श्रीवास्तव", "अंजलि", "विवेक", "Srivastava", "Anjali", "Vivek"],
    ["पाटील", "सुनीता", "गणेश", "Patil", "Sunita", "Ganesh"],
    ["त्रिपाठी", "कृष्णा", "अर्जुन", "Tripathi", "Krishna", "Arjun"],
];

/// People with one name.
const SINGLE: &[(&str, &str)] = &[
    ("Suharti", "Sukarno"),
    ("Wulandari", "Budiono"),
    ("Nilar", "Thant"),
    ("Pema", "Tenzin"),
];

/// How a name is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    Latin,
    Marked,
    Unusual,
    Cyrillic,
    Han,
    Arabic,
    Devanagari,
    Single,
}

impl Script {
    /// A script in the mix of the clinic.
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        match dice.whole(0, 99) {
            0..=59 => Self::Latin,
            60..=75 => Self::Marked,
            76..=82 => Self::Unusual,
            83..=87 => Self::Cyrillic,
            88..=91 => Self::Han,
            92..=94 => Self::Arabic,
            95..=97 => Self::Devanagari,
            _ => Self::Single,
        }
    }
}

/// A name of this script for a woman or a man.
pub(crate) fn draw(dice: &mut Dice, script: Script, woman: bool) -> Name {
    let side = |w: &str, m: &str| (if woman { w } else { m }).to_owned();
    let three = |row: &[&str; 6], language| Name {
        family: Some(row[0].to_owned()),
        given: vec![side(row[1], row[2])],
        latin: Some((row[3].to_owned(), side(row[4], row[5]))),
        language,
    };
    match script {
        Script::Latin => plain(dice, woman),
        Script::Marked => {
            let (family, w, m, language) = dice.pick(MARKED);
            Name {
                family: Some((*family).to_owned()),
                given: vec![side(w, m)],
                latin: None,
                language: *language,
            }
        }
        Script::Unusual => {
            let (family, w, m) = dice.pick(UNUSUAL);
            Name {
                family: Some((*family).to_owned()),
                given: side(w, m).split(' ').map(str::to_owned).collect(),
                latin: None,
                language: ENGLISH,
            }
        }
        Script::Cyrillic => {
            let row = dice.pick(CYRILLIC);
            Name {
                family: Some(side(row[0], row[4])),
                given: vec![side(row[2], row[6])],
                latin: Some((side(row[1], row[5]), side(row[3], row[7]))),
                language: ("ru", "Russian"),
            }
        }
        Script::Han => three(dice.pick(HAN), ("zh", "Chinese")),
        Script::Arabic => three(dice.pick(ARABIC), ("ar", "Arabic")),
        Script::Devanagari => three(dice.pick(DEVANAGARI), ("hi", "Hindi")),
        Script::Single => {
            let (w, m) = dice.pick(SINGLE);
            Name {
                family: None,
                given: vec![side(w, m)],
                latin: None,
                language: ENGLISH,
            }
        }
    }
}

/// A common English name, a third of them with a middle initial.
pub(crate) fn plain(dice: &mut Dice, woman: bool) -> Name {
    let first = *dice.pick(if woman { WOMEN } else { MEN });
    let mut given = vec![first.to_owned()];
    if dice.chance(0.35) {
        let middle = *dice.pick(if woman { WOMEN } else { MEN });
        if middle != first {
            given.push(middle.chars().take(1).collect::<String>() + ".");
        }
    }
    Name {
        family: Some((*dice.pick(FAMILY)).to_owned()),
        given,
        latin: None,
        language: ENGLISH,
    }
}
