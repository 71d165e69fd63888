// Nest's CommonJS dependents fail with "Cannot require() ES Module in a cycle" unless these are loaded first.
import 'reflect-metadata';
import '@nestjs/common';
import '@nestjs/core';
