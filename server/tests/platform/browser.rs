//! A browser without a screen: cookies by path, no scripts.

use std::collections::BTreeMap;
use std::path::Path;

use url::Url;

/// Somebody signs in at the provider as `login` and agrees. Returns where the browser is sent
/// back to, on this computer; it does not go there.
pub async fn browse(ca: &Path, start: &str, login: &str) -> Url {
    let ca = std::fs::read(ca).unwrap();
    let http = reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&ca).unwrap()])
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .build()
        .unwrap();
    let mut cookies: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut url = Url::parse(start).unwrap();
    let mut form: Option<String> = None;
    for _ in 0..12 {
        if url.scheme() == "http" {
            assert_eq!(url.host_str(), Some("127.0.0.1"));
            return url;
        }
        let sent: Vec<String> = cookies
            .iter()
            .filter(|((_, path), _)| url.path().starts_with(path.as_str()))
            .map(|((name, _), value)| format!("{name}={value}"))
            .collect();
        let request = match form.take() {
            Some(form) => http
                .post(url.clone())
                .header("content-type", "application/x-www-form-urlencoded")
                .body(form),
            None => http.get(url.clone()),
        };
        let response = request.header("cookie", sent.join("; ")).send().await;
        let response = response.unwrap();
        for cookie in response.headers().get_all("set-cookie") {
            let mut parts = cookie.to_str().unwrap().split("; ");
            let (name, value) = parts.next().unwrap().split_once('=').unwrap();
            let path = parts.find_map(|part| part.strip_prefix("path=")).unwrap();
            cookies.insert((name.to_owned(), path.to_owned()), value.to_owned());
        }
        if let Some(location) = response.headers().get("location") {
            url = url.join(location.to_str().unwrap()).unwrap();
            continue;
        }
        let status = response.status();
        let page = response.text().await.unwrap();
        form = Some(if page.contains("value=\"login\"") {
            format!("prompt=login&login={login}&password=x")
        } else {
            assert!(page.contains("value=\"consent\""), "{status}: {page}");
            "prompt=consent".to_owned()
        });
    }
    panic!("the provider never sent the browser back");
}
