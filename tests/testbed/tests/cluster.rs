//! A cluster starts, keeps its data, and leaves nothing behind.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use testbed::{Cluster, ClusterOptions, Leftovers};

fn options(data: PathBuf, leftovers: Vec<PathBuf>) -> ClusterOptions {
    ClusterOptions {
        data,
        leftovers: Leftovers(leftovers),
        fsync: false,
        superuser_password: "secret".to_owned(),
        settings: Vec::new(),
    }
}

fn folder() -> PathBuf {
    let folder = tempfile::Builder::new().prefix("rounds-test-").tempdir();
    let folder = folder.unwrap().keep();
    // The cluster may run as another user.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&folder, open).unwrap();
    folder
}

#[test]
fn a_second_start_finds_the_data() {
    let folder = folder();
    let data = folder.join("cluster");
    {
        let cluster = Cluster::start(options(data.clone(), Vec::new())).unwrap();
        cluster
            .sql("postgres", "CREATE TABLE t AS SELECT 42 AS n")
            .unwrap();
    }
    let cluster = Cluster::start(options(data.clone(), vec![folder.clone()])).unwrap();
    assert_eq!(
        cluster.sql("postgres", "SELECT n FROM t").unwrap().trim(),
        "42"
    );
    assert!(cluster.sql("postgres", "SELECT nothing").is_err());
    drop(cluster);
    assert!(!folder.exists());
}

/// Runs itself as a child, kills that without mercy, and looks for what it left.
#[test]
fn nothing_outlives_a_killed_parent() {
    const ROLE: &str = "ROUNDS_TEST_CLUSTER_FOLDER";
    if let Some(folder) = std::env::var_os(ROLE).map(PathBuf::from) {
        let cluster =
            Cluster::start(options(folder.join("cluster"), vec![folder.clone()])).unwrap();
        std::fs::write(folder.join("started"), cluster.id().to_string()).unwrap();
        std::thread::sleep(Duration::from_secs(600));
        return;
    }
    let folder = folder();
    let mut parent = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "nothing_outlives_a_killed_parent"])
        .env(ROLE, &folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let started = folder.join("started");
    let begin = Instant::now();
    while std::fs::read_to_string(&started)
        .unwrap_or_default()
        .is_empty()
    {
        assert!(begin.elapsed() < Duration::from_secs(60), "never started");
        std::thread::sleep(Duration::from_millis(20));
    }
    let id: String = std::fs::read_to_string(&started).unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    let process = PathBuf::from(format!("/proc/{id}"));
    let begin = Instant::now();
    while process.exists() || folder.exists() {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "something is left"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}
