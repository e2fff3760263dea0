//! Writing canonical JSON (RFC 8785) straight into text, without a tree of values between.
//!
//! Whoever writes an object names its members in their canonical order; a test holds every event
//! against [`crate::canonical`].

/// Canonical JSON that grows.
#[derive(Debug, Default)]
pub(crate) struct Writing(Vec<u8>);

/// An object that is being written.
pub(crate) struct Members<'w> {
    writing: &'w mut Writing,
    begun: bool,
}

/// An array that is being written.
pub(crate) struct Items<'w> {
    writing: &'w mut Writing,
    begun: bool,
}

impl Writing {
    /// With room for a usual event.
    pub(crate) fn new() -> Self {
        Self(Vec::with_capacity(2_048))
    }

    /// What was written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// An object.
    pub(crate) fn object(&mut self, members: impl FnOnce(&mut Members<'_>)) {
        self.0.push(b'{');
        members(&mut Members {
            writing: self,
            begun: false,
        });
        self.0.push(b'}');
    }

    fn array(&mut self, items: impl FnOnce(&mut Items<'_>)) {
        self.0.push(b'[');
        items(&mut Items {
            writing: self,
            begun: false,
        });
        self.0.push(b']');
    }

    fn text(&mut self, text: &str) {
        // A string has a JSON text, and a `Vec` takes all that is written to it. Its escapes are
        // those of RFC 8785.
        let _ = serde_json::to_writer(&mut self.0, text);
    }
}

impl Members<'_> {
    fn member(&mut self, name: &str) -> &mut Writing {
        if self.begun {
            self.writing.0.push(b',');
        }
        self.begun = true;
        // Names are ours and need no escapes.
        self.writing.0.push(b'"');
        self.writing.0.extend_from_slice(name.as_bytes());
        self.writing.0.extend_from_slice(b"\":");
        self.writing
    }

    /// A string.
    pub(crate) fn text(&mut self, name: &str, text: &str) {
        self.member(name).text(text);
    }

    /// A truth value.
    pub(crate) fn truth(&mut self, name: &str, truth: bool) {
        let text: &[u8] = if truth { b"true" } else { b"false" };
        self.member(name).0.extend_from_slice(text);
    }

    /// An object.
    pub(crate) fn object(&mut self, name: &str, members: impl FnOnce(&mut Members<'_>)) {
        self.member(name).object(members);
    }

    /// An array.
    pub(crate) fn array(&mut self, name: &str, items: impl FnOnce(&mut Items<'_>)) {
        self.member(name).array(items);
    }
}

impl Items<'_> {
    fn item(&mut self) -> &mut Writing {
        if self.begun {
            self.writing.0.push(b',');
        }
        self.begun = true;
        self.writing
    }

    /// A string.
    pub(crate) fn text(&mut self, text: &str) {
        self.item().text(text);
    }

    /// An object.
    pub(crate) fn object(&mut self, members: impl FnOnce(&mut Members<'_>)) {
        self.item().object(members);
    }
}
