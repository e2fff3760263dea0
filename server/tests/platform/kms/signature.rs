//! AWS Signature Version 4, from its description alone: what the client's library signs must fit
//! what another hand computes.

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;

/// A request as it came.
pub struct Signed<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    /// Names in small letters.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

/// Who signed, for which region and service, and when.
pub struct Scope {
    pub access_key: String,
    pub region: String,
    pub service: String,
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
}

fn hash(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

impl Signed<'_> {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.trim())
    }

    /// Checks the signature with the secret that belongs to the access key.
    pub fn check(&self, secret: impl Fn(&str) -> Option<String>) -> Result<Scope, &'static str> {
        let authorization = self.header("authorization").ok_or("no authorization")?;
        let rest = authorization
            .strip_prefix("AWS4-HMAC-SHA256 ")
            .ok_or("another algorithm")?;
        let part = |name: &str| {
            let mut parts = rest.split(", ");
            parts.find_map(|part| part.strip_prefix(name))
        };
        let (Some(credential), Some(signed), Some(signature)) = (
            part("Credential="),
            part("SignedHeaders="),
            part("Signature="),
        ) else {
            return Err("an authorization without its parts");
        };
        let [access_key, day, region, service, "aws4_request"] =
            credential.split('/').collect::<Vec<_>>()[..]
        else {
            return Err("another scope");
        };
        let names: Vec<&str> = signed.split(';').collect();
        let token = self
            .header("x-amz-security-token")
            .map(|_| "x-amz-security-token");
        let target = self.header("x-amz-target").map(|_| "x-amz-target");
        let must = ["host", "x-amz-date"]
            .into_iter()
            .chain(token)
            .chain(target);
        if !must.into_iter().all(|name| names.contains(&name)) {
            return Err("a header that counts is not signed");
        }
        let date = self.header("x-amz-date").ok_or("no date")?;
        if !date.starts_with(day) {
            return Err("another day");
        }
        let mut canonical = format!("{}\n{}\n{}\n", self.method, self.path, self.query);
        for name in &names {
            let value = self.header(name).ok_or("a signed header is missing")?;
            canonical.push_str(&format!("{name}:{value}\n"));
        }
        canonical.push_str(&format!("\n{signed}\n{}", hash(self.body)));
        let scope = format!("{day}/{region}/{service}/aws4_request");
        let text = format!(
            "AWS4-HMAC-SHA256\n{date}\n{scope}\n{}",
            hash(canonical.as_bytes())
        );
        let secret = secret(access_key).ok_or("an unknown access key")?;
        let mut key = format!("AWS4{secret}").into_bytes();
        for part in [day, region, service, "aws4_request"] {
            key = mac(&key, part);
        }
        if hex::encode(mac(&key, &text)) != signature {
            return Err("the signature does not fit");
        }
        Ok(Scope {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
        })
    }

    /// Whether the request was signed within five minutes of now.
    pub fn is_fresh(&self) -> bool {
        let Some(date) = self.header("x-amz-date") else {
            return false;
        };
        let read = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date);
        let Ok(at) = read.and_then(|at| at.to_zoned(jiff::tz::TimeZone::UTC)) else {
            return false;
        };
        Timestamp::now().duration_since(at.timestamp()).abs() < jiff::SignedDuration::from_mins(5)
    }
}

/// The example that AWS publishes in its description.
#[test]
fn the_published_example_is_taken_and_a_changed_one_is_not() {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let headers = [
        header(
            "content-type",
            "application/x-www-form-urlencoded; charset=utf-8",
        ),
        header("host", "iam.amazonaws.com"),
        header("x-amz-date", "20150830T123600Z"),
        header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, \
             Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
        ),
    ];
    let request = |query| Signed {
        method: "GET",
        path: "/",
        query,
        headers: &headers,
        body: b"",
    };
    let secret = |_: &str| Some("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned());
    let scope = request("Action=ListUsers&Version=2010-05-08").check(secret);
    assert_eq!(scope.map(|scope| scope.region), Ok("us-east-1".to_owned()));
    let changed = request("Action=DropUsers&Version=2010-05-08").check(secret);
    assert_eq!(changed.map(|_| ()), Err("the signature does not fit"));
    assert!(!request("").is_fresh());
}
