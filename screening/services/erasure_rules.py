"""What becomes of everything that can lead to a person or hold words about one, when they go.

Keys are ``Model.field`` for our own models and ``app.Model.field`` for those of others. Values
begin with *kept*, *emptied*, *deleted* or *nobody's* (written by the installation, not about a
patient), and the tests take them at their word: each column is filled with a mark of its own, the
patient is erased, and the marks that are left in the database's files must be those of the kept
columns. A relation or a column that is missing here fails the tests.
"""

ACCOUNT = "deleted with the account; kept where it also is a clinician's or an administrator's"
WITH_CLIP = "deleted with the clip"
STAFF = "kept: what a member of staff did; of an erased patient's own account nobody is named"

#: Foreign keys that lead to a patient or an account, directly or over others, and columns that hold
#: the id of one without being a foreign key.
RELATIONS: dict[str, str] = {
    "Patient.user": "emptied",
    "Consent.patient": "kept: evidence of what was allowed, under the pseudonym",
    "Invitation.patient": "deleted: it holds the e-mail address",
    "Invitation.created_by": STAFF,
    "Membership.user": "kept: an account with one is staff's and stays",
    "Screening.patient": "kept: evidence that it took place; its contents are deleted",
    "Screening.course": "kept: with which others it was read; the results are deleted",
    "Course.patient": "kept: when sessions took place, under the pseudonym",
    "CourseResult.course": "deleted",
    "Screening.consent": "kept: under which consent it took place",
    "Screening.released_by": STAFF,
    "Intake.screening": "deleted",
    "Clip.screening": "deleted with its files",
    "Upload.clip": "deleted with its chunks",
    "UploadChunk.upload": "deleted with its object",
    "ClipMeasurement.clip": "deleted",
    "Assessment.screening": "deleted",
    "Review.screening": "deleted: the note may describe the person",
    "Review.assessment": "deleted with the review",
    "Review.reviewer": "kept: an account that signed a review is staff's and stays",
    "ExportedClip.screening": "deleted with the file; kept while the file cannot be reached",
    "AuditEntry.actor": STAFF,
    "AccessEvent.user": STAFF,
    "AccessEvent.screening_id": "kept: who viewed it; the screening leads to a pseudonym only",
    "AccessEvent.clip_id": "kept: the clip itself is gone",
    "Installation.identity": "nobody's: the installation's own",
    "User_groups.user": ACCOUNT,
    "User_user_permissions.user": ACCOUNT,
    "admin.LogEntry.user": "kept: an account that edits in the admin is staff's and stays",
    "account.EmailAddress.user": ACCOUNT,
    "account.EmailConfirmation.email_address": ACCOUNT,
    "mfa.Authenticator.user": ACCOUNT,
}

#: Columns that can hold words: text, JSON, bytes, addresses. Those with choices cannot.
COLUMNS: dict[str, str] = {
    "Patient.name": "emptied",
    "Patient.pseudonym": "kept: it leads to nobody any more",
    "User.name": ACCOUNT,
    "User.email": ACCOUNT,
    "User.password": ACCOUNT,
    "account.EmailAddress.email": ACCOUNT,
    "account.EmailConfirmation.key": ACCOUNT,
    "mfa.Authenticator.data": ACCOUNT,
    "sessions.Session.session_key": "deleted: all sessions of the account or with its address",
    "sessions.Session.session_data": "deleted: all sessions of the account or with its address",
    "admin.LogEntry.object_id": "deleted where the entry names the address or the account",
    "admin.LogEntry.object_repr": "deleted where it names the address or the account",
    "admin.LogEntry.change_message": "deleted where it names the address or the account",
    "Invitation.email": "deleted",
    "Invitation.token_sha256": "deleted",
    "Consent.scopes": "kept: a list of care, research, training",
    "Screening.rerecord_note": "emptied: it may describe the person",
    "Clip.reason": WITH_CLIP,
    "Clip.skip_reason": WITH_CLIP,
    "Clip.storage_key": WITH_CLIP,
    "Clip.playback_key": WITH_CLIP,
    "Clip.mime_type": WITH_CLIP,
    "Clip.sha256": WITH_CLIP,
    "Clip.announced": WITH_CLIP,
    "Upload.mime_type": WITH_CLIP,
    "UploadChunk.storage_key": WITH_CLIP,
    "ClipMeasurement.clip_sha256": WITH_CLIP,
    "ClipMeasurement.measurer_digest": WITH_CLIP,
    "ClipMeasurement.encoder": WITH_CLIP,
    "ClipMeasurement.reason": WITH_CLIP,
    "ClipMeasurement.measurement": WITH_CLIP,
    "Assessment.measurements_digest": "deleted",
    "Assessment.result": "deleted",
    "Assessment.abstained": "deleted",
    "CourseResult.sessions_digest": "deleted",
    "CourseResult.result": "deleted",
    "Review.note": "deleted: it may describe the person",
    "ExportedClip.name": "deleted with the file; kept while the file cannot be reached",
    "CohortExport.folder": "nobody's: where an administrator exported to",
    "CohortExport.machine": "nobody's",
    "AuditEntry.action": "kept: a word of ours",
    "AuditEntry.target": "kept: a kind and an id",
    "AuditEntry.data": "kept: ids, codes, pseudonyms, and of a log-in the network, not the address",
    "EventStream.key": "kept: an id",
    "AttemptCounter.key": "nobody's: opaque, and gone a day after its time",
    "QuarantinedObject.key": "nobody's: ids and random letters",
    "Event.kind": "kept: a word of ours",
    "Event.data": "kept: ids, expressions, states and reasons of a pseudonym",
    **dict.fromkeys(
        (
            *("Site.name", "Site.contact", "Protocol.slug", "Protocol.name"),
            *("ProtocolStep.instruction", "ConsentForm.title", "ConsentForm.text"),
            *("ModelBundle.name", "ModelBundle.version", "ModelBundle.digest"),
            *("ModelBundle.path", "ModelBundle.sources", "ModelBundle.metadata"),
            *("BundleFile.name", "BundleFile.storage_key", "BundleFile.sha256"),
            *("ModelBundle.encoder", "auth.Permission.name", "auth.Permission.codename"),
            *("auth.Group.name", "contenttypes.ContentType.app_label"),
            *("contenttypes.ContentType.model", "StoreSurvey.position", "StoreSurvey.held"),
        ),
        "nobody's",
    ),
}

#: Tables without a model.
TABLES: dict[str, str] = {
    "django_migrations": "nobody's",
    "screening_cache": "kept for minutes: counters and marks under opaque names",
}

RULES: dict[str, str] = RELATIONS | COLUMNS
