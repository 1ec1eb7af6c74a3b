-- Each context has a database of its own: they meet on Kafka only.
create database admission;
create database reference;
create database inventory;
create database sales;
create database sync;
