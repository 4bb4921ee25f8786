.output /dev/null
select kind, count(*), sum(amount), avg(amount), min(day), max(day) from item group by kind order by kind;
.output stdout
select sum(n * s) from (select count(*) as n, sum(amount) % 9973 as s from item group by kind, day);
select count(*), sum(a.amount) from item a join item b on b.id = a.parent where b.amount > 500;
select count(*) from item where name like '%ab%' or name like '%9c%';
select sum(length(n)) from (select name || '-' || kind as n from item order by name limit 5000);
select sum(amount) from item where day between 40 and 60;
update item set amount = amount + 1 where kind = 3;
select sum(amount), count(distinct name) from item;
select count(*) from (select day, kind, row_number() over (partition by day order by amount, id) as r from item) where r <= 3;
