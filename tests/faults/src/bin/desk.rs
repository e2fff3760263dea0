//! `faults-desk FOLDER SERVER CA [secret-service]`: a workstation that obeys lines of JSON.

use std::io::{Read, Write};
use std::process::ExitCode;

use faults::desk::{Desk, Furniture, Order, Said};
use zeroize::Zeroizing;

fn main() -> ExitCode {
    workstation::log::start();
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [folder, server, ca, rest @ ..] = words.as_slice() else {
        eprintln!("faults-desk FOLDER SERVER CA [secret-service]");
        return ExitCode::FAILURE;
    };
    let furniture = Furniture {
        folder: folder.into(),
        server: server.clone(),
        ca: ca.into(),
        secret_service: rest.iter().any(|word| word == "secret-service"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let (Ok(runtime), Ok(mut desk)) = (runtime, Desk::new(furniture)) else {
        return ExitCode::FAILURE;
    };
    say(&Said::Ready);
    while let Some(order) = next() {
        let said = runtime.block_on(desk.obey(order, &say));
        say(&said.unwrap_or_else(|fault| Said::Fault(fault.code)));
    }
    ExitCode::SUCCESS
}

/// The next line, read without a buffer that would keep passwords for as long as the process is.
fn next() -> Option<Order> {
    let mut input = std::fs::File::open("/dev/stdin").ok()?;
    let mut line = Zeroizing::new(Vec::with_capacity(4096));
    let mut byte = [0];
    while input.read(&mut byte).is_ok_and(|read| read == 1) && byte != *b"\n" {
        line.push(byte[0]);
    }
    serde_json::from_slice(&line).ok()
}

/// Nobody listening: then nobody is told, which is what being killed is like.
fn say(said: &Said) {
    let Ok(mut line) = serde_json::to_vec(said) else {
        return;
    };
    line.push(b'\n');
    // Past the buffer of `stdout`, which would keep what was said.
    if let Ok(mut out) = std::fs::File::options().append(true).open("/dev/stdout") {
        let _ = out.write_all(&line);
    }
}
