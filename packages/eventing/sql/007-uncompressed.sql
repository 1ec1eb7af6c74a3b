-- An order with all that its shop says of it has two to eight kilobytes, above PostgreSQL's limit for compressing a row. To
-- compress one costs as much as everything else about writing it, and each context would decompress it once more.
alter table events set (toast_tuple_target = 8160);
