//! Rows S5 and S6 together: charts come and go while a restored server is found and read again.

use protocol::audit::AuditReceipt;
use protocol::sync::ScopeChange;

use super::scope::{Scoped, change};
use super::*;

impl Scoped {
    /// A page that says how much of the chain the server holds.
    fn page_of_chain(
        &self,
        links: u64,
        scope: Option<ScopeChange>,
        entries: Vec<SyncEntry>,
        more: bool,
    ) -> Applied {
        let page = SyncPage {
            scope: scope.map(Box::new),
            links: Some(links),
            more,
            ..page("c", entries)
        };
        self.bed.cache.apply_page(&page, at(30), seal).unwrap()
    }

    /// The texts of records that were sealed last, by id.
    fn sealed_records(&self) -> Vec<String> {
        let sealed = self.sealed.lock().unwrap();
        let records = sealed.last().map(|unsent| unsent.records.clone());
        let mut ids: Vec<String> = records
            .unwrap_or_default()
            .iter()
            .map(|record| record["id"].as_str().unwrap().to_owned())
            .collect();
        ids.sort();
        ids
    }
}

#[test]
fn s5_s6_a_restored_server_of_which_nobody_spoke_takes_no_chart_away_unsealed() {
    let scoped = Scoped::filled();
    let links = scoped.links();
    scoped.acknowledge_all();
    scoped.page_of_chain(links, None, vec![], false);
    // It lost the problem, and may think of this user as its backup did.
    let lost = links - 1;
    let applied = scoped.page_of_chain(lost, Some(change(&["1"], &[])), vec![], false);
    assert!(applied.anew, "nothing of the page counts");
    assert!(scoped.has_chart("1") && scoped.bed.value("Condition", "k1").is_some());
    let position = scoped.bed.cache.read(|cache| cache.position()).unwrap();
    assert_eq!(position.cursor, None);
    assert!(scoped.sealed.lock().unwrap().is_empty());
    // The feed is read again. It names one of the charts.
    let first = ScopeChange {
        types: Some(vec!["Patient".into(), "Appointment".into()]),
        ..change(&[], &["2"])
    };
    let named = vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        entry(1, &patient("2", "Okafor", "Ben")),
        entry(1, &condition("k2", "2", "Gout")),
    ];
    let applied = scoped.page_of_chain(lost, Some(first), named, false);
    assert!(!applied.anew, "that was told before");
    assert!(applied.unsettled, "the other chart is to leave");
    assert!(scoped.has_chart("1"));
    let applied = scoped.page_of_chain(lost, None, vec![], false);
    assert!(!applied.unsettled && !scoped.has_chart("1"));
    assert_eq!(scoped.sealed_records(), ["k1"]);
    assert!(scoped.has_chart("2"));
}

#[test]
fn s5_s6_a_chart_that_leaves_while_a_restored_server_is_read_again_is_sealed_whole() {
    let scoped = Scoped::filled();
    scoped.acknowledge_all();
    scoped.acknowledge(0, String::new());
    let first = ScopeChange {
        types: Some(vec!["Patient".into(), "Appointment".into()]),
        ..change(&[], &["1", "2"])
    };
    // The server has lost the problem of one of them; that is told at the end of the feed.
    let brought = vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        entry(1, &patient("2", "Okafor", "Ben")),
        entry(1, &condition("k2", "2", "Gout")),
    ];
    scoped.page_of_chain(0, Some(first), brought, true);
    scoped.page_of_chain(0, Some(change(&["1"], &[])), vec![], false);
    assert!(!scoped.has_chart("1"));
    assert_eq!(scoped.sealed_records(), ["k1"]);
    assert!(scoped.to_send().is_empty(), "{:?}", scoped.to_send());
}

#[test]
fn s5_s6_what_a_new_role_may_not_keep_is_sealed_while_a_restored_server_is_read_again() {
    let scoped = Scoped::filled();
    scoped.acknowledge_all();
    scoped.acknowledge(0, String::new());
    let front_desk = ScopeChange {
        types: Some(vec!["Patient".into()]),
        chart: vec![],
        left: vec![],
        arrived: vec![],
    };
    scoped.page_of_chain(0, Some(front_desk), vec![], true);
    assert_eq!(scoped.bed.value("Condition", "k1"), None);
    let sealed = scoped.sealed.lock().unwrap();
    let mut ids: Vec<_> = sealed
        .iter()
        .flat_map(|unsent| unsent.records.iter().map(|record| record["id"].to_string()))
        .collect();
    ids.sort();
    assert_eq!(ids, ["\"k1\"", "\"k2\""]);
    assert!(scoped.bed.value("Patient", "1").is_some());
}

#[test]
fn s5_s6_no_chart_makes_room_while_a_restored_server_is_read_again() {
    let scoped = Scoped::filled();
    scoped.acknowledge_all();
    scoped.acknowledge(0, String::new());
    let cache = &scoped.bed.cache;
    let made = cache.write("room", |tx| tx.make_room("1")).unwrap();
    assert!(!made, "it may hold what the server lost");
    assert!(scoped.has_chart("1"));
}

#[test]
fn s6_a_receipt_of_a_server_restored_behind_a_page_begins_the_feed_again() {
    let scoped = Scoped::filled();
    let links = scoped.links();
    scoped.acknowledge_all();
    let cache = &scoped.bed.cache;
    cache.write("start-over", |tx| tx.start_over()).unwrap();
    let all = vec![entry(1, &patient("1", "Okafor", "Ada"))];
    scoped.page_of_chain(links, Some(change(&[], &["1", "2"])), all, true);
    // The page was of a server that held the whole chain: what was read says nothing of this one.
    let receipt = AuditReceipt {
        through: 0,
        head: String::new(),
        countersignature: String::new(),
    };
    let anew = cache.write("ack", |tx| tx.acknowledge_audit(&receipt, at(30)));
    assert!(anew.unwrap());
    let position = cache.read(|cache| cache.position()).unwrap();
    assert_eq!(position.cursor, None);
}

#[test]
fn s5_s6_a_chart_that_a_restored_server_names_too_late_comes_as_that_server_has_it() {
    let scoped = Scoped::filled();
    let severe = entry(5, &condition("k1", "1", "Asthma, severe"));
    scoped.page_of_chain(scoped.links(), None, vec![severe], false);
    scoped.acknowledge_all();
    scoped.acknowledge(0, String::new());
    let named = |ids: &[&str]| ScopeChange {
        types: Some(vec!["Patient".into(), "Appointment".into()]),
        ..change(&[], ids)
    };
    let brought = vec![
        entry(1, &patient("1", "Okafor", "Ada")),
        entry(1, &patient("2", "Okafor", "Ben")),
        entry(1, &condition("k2", "2", "Gout")),
    ];
    scoped.page_of_chain(0, Some(named(&["2"])), brought, false);
    // The user may see the other patient again, before the chart has gone from here.
    let again = vec![entry(2, &condition("k1", "1", "Asthma, mild"))];
    scoped.page_of_chain(0, Some(change(&[], &["1"])), again, false);
    assert!(scoped.has_chart("1"));
    let record = scoped
        .bed
        .cache
        .read(|cache| cache.record("Condition", "k1"))
        .unwrap()
        .unwrap();
    assert_eq!(record.version, 2);
    assert_eq!(record.value().unwrap()["code"]["text"], "Asthma, mild");
    assert_eq!(
        scoped.sealed_records(),
        ["k1"],
        "what was lost is in a review"
    );
}
