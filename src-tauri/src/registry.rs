//! The one typed registry: it makes both the invoke handler and the TypeScript bindings.

use tauri_specta::{Builder, collect_commands, collect_events};

use crate::commands::*;
use crate::events::{DataChanged, SessionChanged, SyncChanged};
use crate::video::*;

/// All commands and events.
pub fn registry() -> Builder<tauri::Wry> {
    Builder::<tauri::Wry>::new()
        // One shape both ways: an absent value is `null` in requests and in answers.
        .disable_serde_phases()
        .commands(collect_commands![
            session_view,
            enrol,
            sign_in_ways,
            sign_in_again,
            cancel_sign_in,
            unlock,
            lock,
            keep_place,
            kept_place,
            sign_out,
            change_password,
            note_activity,
            sync_view,
            sync_now,
            stop_first_sync,
            resume_first_sync,
            today,
            find_patients,
            patient_form,
            save_patient,
            likely_duplicates,
            merge_patients,
            undo_merge,
            keep_apart,
            open_chart,
            note,
            problem_terms,
            add_vitals,
            add_problem,
            problem_form,
            change_problem,
            draft,
            keep_draft,
            discard_draft,
            sign_note,
            schedule,
            book,
            move_appointment,
            cancel_appointment,
            set_progress,
            inbox,
            settle_conflict,
            combine_conflict,
            fetch_again,
            note_set_aside,
            give_up_refused,
            retry_refused,
            activity,
            settings_view,
            save_settings,
            justify_access,
            emergency_access,
            who_looked,
            access_report,
            export_report,
            reviews,
            close_review,
            start_rehearsal,
            stop_rehearsal,
            rehearsal_report,
            visits,
            invite_to_visit,
            withdraw_visit,
            admit_to_visit,
            invite_guest,
            admit_guest,
            end_guest_call,
            dismiss_guest,
            end_call,
            end_visit,
            call,
            call_pictures,
            guest_picture,
            devices,
            choose_device,
            share_sources,
            share_screen,
            stop_sharing,
        ])
        .events(collect_events![SessionChanged, SyncChanged, DataChanged])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::registry;

    mod names {
        include!("command_names.rs");
    }

    fn generated() -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bindings.ts");
        registry()
            .export(
                specta_typescript::Typescript::default()
                    .header("// Generated from Rust. Do not edit.\n"),
                &path,
            )
            .unwrap();
        std::fs::read_to_string(path).unwrap()
    }

    /// `ROUNDS_BINDINGS=write cargo test -p rounds bindings` writes what this test compares.
    #[test]
    fn bindings_are_fresh() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/shared/bindings.ts");
        let fresh = generated();
        if std::env::var("ROUNDS_BINDINGS").as_deref() == Ok("write") {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &fresh).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == fresh,
            "ui/shared/bindings.ts differs from the registry; run `cargo xtask bindings`"
        );
    }

    #[test]
    fn every_command_has_a_permission() {
        let text = generated();
        let in_registry = text.matches("__TAURI_INVOKE").count().saturating_sub(1);
        for name in names::COMMAND_NAMES {
            assert!(
                text.contains(&format!("\"{name}\"")),
                "{name} is not in the registry"
            );
        }
        assert!(in_registry <= names::COMMAND_NAMES.len() || in_registry == 0);
        let set = include_str!("../permissions/clinic-day.toml");
        for name in names::COMMAND_NAMES {
            let permission = format!("\"allow-{}\"", name.replace('_', "-"));
            assert!(set.contains(&permission), "{permission} is not granted");
        }
    }
}
