//! The server's ledger, as this computer witnesses it.

use std::time::Duration;

use ed25519_dalek::SigningKey;
use protocol::ledger::LedgerFault;
use workstation::view::Cause;
use workstation::view::session::{LedgerState, LedgerView};

use crate::mock::{Bench, unlock_form};
use crate::records::clinic;

/// Runs sync until the ledger is in a state; ten seconds at most.
async fn ledger(bench: &Bench, state: LedgerState) -> LedgerView {
    for _ in 0..2400 {
        let view = bench
            .workstation
            .settled(Duration::from_secs(60))
            .await
            .unwrap();
        if view.ledger.state == state {
            return view.ledger;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!(
        "it never was {state:?}: {:?}",
        bench.workstation.sync_view().await.unwrap().ledger
    );
}

fn alarms(bench: &Bench) -> Vec<(LedgerFault, usize)> {
    let ledger = bench.server.ledger.lock().unwrap();
    let size = |note: &str| note.lines().nth(1).unwrap_or("0").parse().unwrap();
    ledger
        .alarms
        .iter()
        .map(|alarm| (alarm.reason, size(&alarm.kept.note)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_a_ledger_that_grows_is_verified_at_each_sync() {
    let bench = Bench::enrolled(clinic()).await;
    let first = ledger(&bench, LedgerState::Verified).await;
    assert_eq!(first.at.as_deref(), Some("2026-01-05T09:30:00-05:00"));
    bench
        .workstation
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    bench.clock.pass(Duration::from_secs(60));
    let mut later = first.clone();
    for _ in 0..50 {
        later = ledger(&bench, LedgerState::Verified).await;
        if later.size > first.size {
            break;
        }
    }
    assert!(later.size > first.size, "{later:?}");
    assert_eq!(later.at.as_deref(), Some("2026-01-05T09:31:00-05:00"));
    assert!(alarms(&bench).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_a_cut_tail_is_shown_told_and_stays_until_it_is_back() {
    let bench = Bench::enrolled(clinic()).await;
    let station = &bench.workstation;
    // So many that what is added to the cut one does not reach them again.
    for n in 0..100 {
        bench.server.ledger.lock().unwrap().grow([n; 32]);
    }
    let mut size = 0;
    while size < 100 {
        size = ledger(&bench, LedgerState::Verified).await.size.unwrap() as usize;
    }
    let whole = bench.server.ledger.lock().unwrap().leaves.clone();
    {
        let mut ledger = bench.server.ledger.lock().unwrap();
        ledger.leaves.truncate(1);
        ledger.takes_alarms = false;
    }
    let broken = ledger(&bench, LedgerState::Broken).await;
    assert_eq!(broken.size, Some(size as u32), "the kept one stays");
    assert!(
        broken.words.contains("is told as soon as"),
        "{}",
        broken.words
    );
    // Nothing is locked.
    station
        .open_chart("p1".into(), Cause::Opened)
        .await
        .unwrap();
    // It outlives the program, and the word is brought when the server takes it, once.
    station.lock().await.unwrap();
    station.unlock(unlock_form("ada", "right")).await.unwrap();
    let state = station.sync_view().await.unwrap().ledger.state;
    assert_eq!(state, LedgerState::Broken);
    bench.server.ledger.lock().unwrap().takes_alarms = true;
    for _ in 0..3 {
        ledger(&bench, LedgerState::Broken).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(alarms(&bench), [(LedgerFault::Shrunk, size)]);
    let words = ledger(&bench, LedgerState::Broken).await.words;
    assert!(words.ends_with("The security officer was told."), "{words}");
    assert!(bench.server.actions().contains(&"ledger-broken".to_owned()));
    // The tail comes back, and what was added meanwhile after it.
    {
        let mut ledger = bench.server.ledger.lock().unwrap();
        let added = ledger.leaves.split_off(1);
        ledger.leaves = whole;
        ledger.leaves.extend(added);
    }
    ledger(&bench, LedgerState::Verified).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_a_restore_that_the_operator_signed_is_said_and_taken_up_and_excuses_nothing_later() {
    let bench = Bench::enrolled(clinic()).await;
    for n in 0..100 {
        bench.server.ledger.lock().unwrap().grow([n; 32]);
    }
    let mut size = 0;
    while size < 100 {
        size = ledger(&bench, LedgerState::Verified).await.size.unwrap() as usize;
    }
    {
        let mut ledger = bench.server.ledger.lock().unwrap();
        ledger.restore(40, "the disk failed");
        // Another life: what comes now is not what was there.
        for n in 0..80 {
            ledger.grow([100 + n; 32]);
        }
    }
    let restored = ledger(&bench, LedgerState::Restored).await;
    assert!(restored.size.unwrap() >= 120, "{restored:?}");
    assert!(
        restored.words.contains("restored from a backup")
            && restored.words.contains("the disk failed")
            && restored.words.contains("goes on from 40 entries"),
        "{}",
        restored.words
    );
    for _ in 0..100 {
        if !alarms(&bench).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // The signed checkpoint of what was lost is told, and stays here.
    assert_eq!(alarms(&bench), [(LedgerFault::Restored, size)]);
    bench
        .workstation
        .settled(Duration::from_secs(10))
        .await
        .unwrap();
    assert!(
        bench
            .server
            .actions()
            .contains(&"ledger-taken-up".to_owned())
    );
    // It goes on being verified, and being said.
    bench.server.ledger.lock().unwrap().grow([250; 32]);
    ledger(&bench, LedgerState::Restored).await;

    // Nobody falls back to the same place again behind the same word.
    bench.server.ledger.lock().unwrap().leaves.truncate(41);
    let broken = ledger(&bench, LedgerState::Broken).await;
    assert!(broken.size.unwrap() >= 121, "what was witnessed stays");
    assert!(
        alarms(&bench)
            .iter()
            .any(|(fault, _)| *fault == LedgerFault::Shrunk)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_a_restore_explains_only_what_was_lost_with_it() {
    let bench = Bench::enrolled(clinic()).await;
    let known = {
        let mut ledger = bench.server.ledger.lock().unwrap();
        for n in 0..50 {
            ledger.grow([n; 32]);
        }
        ledger.secret.clone()
    };
    while ledger(&bench, LedgerState::Verified).await.size.unwrap() < 50 {}
    // Signed by somebody else.
    {
        let mut ledger = bench.server.ledger.lock().unwrap();
        ledger.secret = SigningKey::from_bytes(&[6; 32]);
        ledger.restore(20, "trust me");
        ledger.secret = known;
    }
    ledger(&bench, LedgerState::Broken).await;
    // Signed, and of a tree that is not the one that goes on.
    let third = {
        let mut ledger = bench.server.ledger.lock().unwrap();
        ledger.restore(20, "the disk failed");
        std::mem::replace(&mut ledger.leaves[3], [200; 32])
    };
    ledger(&bench, LedgerState::Broken).await;
    bench
        .workstation
        .settled(Duration::from_secs(10))
        .await
        .unwrap();
    ledger(&bench, LedgerState::Broken).await;
    // The tree that was said.
    bench.server.ledger.lock().unwrap().leaves[3] = third;
    ledger(&bench, LedgerState::Restored).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_a_rewritten_entry_and_a_foreign_key_and_a_hidden_ledger_are_found() {
    let bench = Bench::enrolled(clinic()).await;
    ledger(&bench, LedgerState::Verified).await;
    let honest = bench.server.ledger.lock().unwrap().secret.clone();

    bench.server.ledger.lock().unwrap().secret = SigningKey::from_bytes(&[6; 32]);
    ledger(&bench, LedgerState::Broken).await;
    bench.server.ledger.lock().unwrap().secret = honest;
    ledger(&bench, LedgerState::Verified).await;

    bench.server.ledger.lock().unwrap().shown = false;
    ledger(&bench, LedgerState::Broken).await;
    bench.server.ledger.lock().unwrap().shown = true;
    ledger(&bench, LedgerState::Verified).await;

    let kept = {
        let mut ledger = bench.server.ledger.lock().unwrap();
        std::mem::replace(&mut ledger.leaves[0], [0xee; 32])
    };
    // It takes an entry more to be asked for a proof; or the same size with another root.
    ledger(&bench, LedgerState::Broken).await;
    bench.server.ledger.lock().unwrap().leaves[0] = kept;
    ledger(&bench, LedgerState::Verified).await;

    let reasons: Vec<_> = alarms(&bench).iter().map(|(reason, _)| *reason).collect();
    assert!(reasons.contains(&LedgerFault::Signature), "{reasons:?}");
    assert!(reasons.contains(&LedgerFault::Unreadable), "{reasons:?}");
    assert!(reasons.contains(&LedgerFault::Inconsistent), "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a2_off_line_the_last_word_stays() {
    let bench = Bench::enrolled(clinic()).await;
    let known = ledger(&bench, LedgerState::Verified).await;
    bench.server.be_reachable(false);
    bench.server.ledger.lock().unwrap().leaves.truncate(1);
    let view = bench
        .workstation
        .settled(Duration::from_secs(60))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(view.ledger.state, LedgerState::Verified);
    assert_eq!(view.ledger.size, known.size);
}
