-- Snapshots hold keys too: where anchors are distinguished names, the next export is compared with everybody.
DELETE FROM snapshots WHERE job IN (SELECT job FROM objects WHERE typeof(anchor) = 'text' AND instr(anchor, '=') > 0);
