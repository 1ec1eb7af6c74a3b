-- Files that clients upload before they name them in an answer (contract §8.8), until they expire.
create table uploads (
  id uuid primary key,
  -- Who may name it: organizer and credential.
  owner text collate "C" not null,
  type text collate "C" not null,
  -- The extension that its name has, without the point. The rest of the name is nobody's business.
  extension text collate "C" not null,
  content bytea not null,
  expires timestamptz not null
);
create index uploads_by_expiry on uploads (expires);
