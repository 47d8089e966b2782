-- hook.db, schema version 1: a delivery that trigger has handled and hold has not, an effect that was done and one only intended
BEGIN TRANSACTION;
CREATE TABLE deliveries (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT NOT NULL, event TEXT NOT NULL, org TEXT NOT NULL, repo TEXT NOT NULL,
        lane TEXT NOT NULL, received REAL NOT NULL, finished REAL);
INSERT INTO deliveries VALUES(1,'guid-1','push','acme','rockets','acme/rockets@main',1772600000.0,1772600001.0);
INSERT INTO deliveries VALUES(2,'guid-2','issue_comment','acme','rockets','acme/rockets#5',1772600002.0,NULL);
CREATE INDEX deliveries_guid ON deliveries (guid, seq);
CREATE INDEX deliveries_open ON deliveries (seq) WHERE finished IS NULL;
CREATE INDEX deliveries_finished ON deliveries (finished) WHERE finished IS NOT NULL;
CREATE TABLE bodies (seq INTEGER PRIMARY KEY, headers BLOB NOT NULL, body BLOB NOT NULL);
INSERT INTO bodies VALUES(2,X'7B7D',X'7B22616374696F6E223A2263726561746564227D');
CREATE TABLE progress (seq INTEGER NOT NULL, consumer TEXT NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (seq, consumer)) WITHOUT ROWID;
INSERT INTO progress VALUES(2,'trigger','done');
CREATE TABLE failures (seq INTEGER NOT NULL, guid TEXT NOT NULL, consumer TEXT NOT NULL, error TEXT NOT NULL, at REAL NOT NULL);
INSERT INTO failures VALUES(1,'guid-1','size','it was given up',1772600001.0);
CREATE TABLE effects (
        guid TEXT NOT NULL, consumer TEXT NOT NULL, key TEXT NOT NULL, answer TEXT, at REAL NOT NULL,
        PRIMARY KEY (guid, consumer, key)) WITHOUT ROWID;
INSERT INTO effects VALUES('guid-2','hold','comment',NULL,1772600003.0);
INSERT INTO effects VALUES('guid-2','hold','label','done',1772600003.0);
CREATE INDEX effects_at ON effects (at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('deliveries',2);
COMMIT;
PRAGMA user_version=1;
