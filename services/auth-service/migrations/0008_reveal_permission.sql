-- Who sells may look at a masked value for a reason that is recorded.
UPDATE roles SET permissions = array_append(permissions, 'customer:reveal')
WHERE role_name IN ('ADMIN', 'SALES_DIRECTOR', 'SALES_MANAGER', 'SALES_REP') AND NOT 'customer:reveal' = ANY (permissions);
