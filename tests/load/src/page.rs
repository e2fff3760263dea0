//! A page of documentation with sections that programs write.

use std::path::Path;

/// Puts `text` under `## heading`, in place of what is there up to the next such heading.
///
/// # Errors
/// When the page cannot be read or written.
pub fn put(path: &Path, heading: &str, text: &str) -> std::io::Result<()> {
    let page = match std::fs::read_to_string(path) {
        Ok(page) => page,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    std::fs::write(path, with(&page, heading, text))
}

fn with(page: &str, heading: &str, text: &str) -> String {
    let title = format!("## {heading}\n");
    let (before, after) = match page.find(&title) {
        Some(begin) => {
            let rest = &page[begin + title.len()..];
            let end = rest.find("\n## ").map_or(rest.len(), |end| end + 1);
            (&page[..begin], &rest[end..])
        }
        None => (page, ""),
    };
    let gap = if before.is_empty() || before.ends_with("\n\n") {
        ""
    } else {
        "\n"
    };
    let text = text.trim_end();
    let tail = if after.is_empty() { "" } else { "\n" };
    format!("{before}{gap}{title}\n{text}\n{tail}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_replaces_itself_and_nothing_else() {
        let first = with("# Page\n\nWords.\n", "B", "two\n");
        assert_eq!(first, "# Page\n\nWords.\n\n## B\n\ntwo\n");
        let both = with(&first, "C", "three");
        assert_eq!(with(&both, "B", "2"), both.replace("two", "2"));
        assert_eq!(with(&both, "C", "3"), both.replace("three", "3"));
    }
}
