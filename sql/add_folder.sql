insert into quire.folder (org_id, parent_id, name, path, created_by)
values ($1, $2, $3, '{}', $4)
returning folder_id
